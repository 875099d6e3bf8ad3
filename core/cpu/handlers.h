/*
 * The handlers' declarations, made from the rows, and the rows that share a handler with
 * another one because they mean the same: their operands are decoded to the same fields.
 */
#ifndef CORE_CPU_HANDLERS_H
#define CORE_CPU_HANDLERS_H

#include "blocks.h"

/* Byte offset of AL in cpu->reg, as byte operands are numbered. */
enum { BYTE_REGISTER_AL = HOST_BIG_ENDIAN ? 7 : 0, BYTE_REGISTER_AH = HOST_BIG_ENDIAN ? 6 : 1,
       BYTE_REGISTER_CL = 8 + (HOST_BIG_ENDIAN ? 7 : 0) };

/* Rows that mean the same. */
#define op_ADD_Gb_Eb_r op_ADD_Eb_Gb_r
#define op_ADD_Gv_Ev_16_r op_ADD_Ev_Gv_16_r
#define op_ADD_Gv_Ev_32_r op_ADD_Ev_Gv_32_r
#define op_ADD_AL_Ib op_ADD_Eb_Ib_r
#define op_ADD_eAX_Iz_16 op_ADD_Ev_Iz_16_r
#define op_ADD_eAX_Iz_32 op_ADD_Ev_Iz_32_r
#define op_ADD_Eb_Ib_82_r op_ADD_Eb_Ib_r
#define op_ADD_Eb_Ib_82_m op_ADD_Eb_Ib_m
#define op_ADD_Ev_Ib_16_r op_ADD_Ev_Iz_16_r
#define op_ADD_Ev_Ib_16_m op_ADD_Ev_Iz_16_m
#define op_ADD_Ev_Ib_32_r op_ADD_Ev_Iz_32_r
#define op_ADD_Ev_Ib_32_m op_ADD_Ev_Iz_32_m
#define op_OR_Gb_Eb_r op_OR_Eb_Gb_r
#define op_OR_Gv_Ev_16_r op_OR_Ev_Gv_16_r
#define op_OR_Gv_Ev_32_r op_OR_Ev_Gv_32_r
#define op_OR_AL_Ib op_OR_Eb_Ib_r
#define op_OR_eAX_Iz_16 op_OR_Ev_Iz_16_r
#define op_OR_eAX_Iz_32 op_OR_Ev_Iz_32_r
#define op_OR_Eb_Ib_82_r op_OR_Eb_Ib_r
#define op_OR_Eb_Ib_82_m op_OR_Eb_Ib_m
#define op_OR_Ev_Ib_16_r op_OR_Ev_Iz_16_r
#define op_OR_Ev_Ib_16_m op_OR_Ev_Iz_16_m
#define op_OR_Ev_Ib_32_r op_OR_Ev_Iz_32_r
#define op_OR_Ev_Ib_32_m op_OR_Ev_Iz_32_m
#define op_ADC_Gb_Eb_r op_ADC_Eb_Gb_r
#define op_ADC_Gv_Ev_16_r op_ADC_Ev_Gv_16_r
#define op_ADC_Gv_Ev_32_r op_ADC_Ev_Gv_32_r
#define op_ADC_AL_Ib op_ADC_Eb_Ib_r
#define op_ADC_eAX_Iz_16 op_ADC_Ev_Iz_16_r
#define op_ADC_eAX_Iz_32 op_ADC_Ev_Iz_32_r
#define op_ADC_Eb_Ib_82_r op_ADC_Eb_Ib_r
#define op_ADC_Eb_Ib_82_m op_ADC_Eb_Ib_m
#define op_ADC_Ev_Ib_16_r op_ADC_Ev_Iz_16_r
#define op_ADC_Ev_Ib_16_m op_ADC_Ev_Iz_16_m
#define op_ADC_Ev_Ib_32_r op_ADC_Ev_Iz_32_r
#define op_ADC_Ev_Ib_32_m op_ADC_Ev_Iz_32_m
#define op_SBB_Gb_Eb_r op_SBB_Eb_Gb_r
#define op_SBB_Gv_Ev_16_r op_SBB_Ev_Gv_16_r
#define op_SBB_Gv_Ev_32_r op_SBB_Ev_Gv_32_r
#define op_SBB_AL_Ib op_SBB_Eb_Ib_r
#define op_SBB_eAX_Iz_16 op_SBB_Ev_Iz_16_r
#define op_SBB_eAX_Iz_32 op_SBB_Ev_Iz_32_r
#define op_SBB_Eb_Ib_82_r op_SBB_Eb_Ib_r
#define op_SBB_Eb_Ib_82_m op_SBB_Eb_Ib_m
#define op_SBB_Ev_Ib_16_r op_SBB_Ev_Iz_16_r
#define op_SBB_Ev_Ib_16_m op_SBB_Ev_Iz_16_m
#define op_SBB_Ev_Ib_32_r op_SBB_Ev_Iz_32_r
#define op_SBB_Ev_Ib_32_m op_SBB_Ev_Iz_32_m
#define op_AND_Gb_Eb_r op_AND_Eb_Gb_r
#define op_AND_Gv_Ev_16_r op_AND_Ev_Gv_16_r
#define op_AND_Gv_Ev_32_r op_AND_Ev_Gv_32_r
#define op_AND_AL_Ib op_AND_Eb_Ib_r
#define op_AND_eAX_Iz_16 op_AND_Ev_Iz_16_r
#define op_AND_eAX_Iz_32 op_AND_Ev_Iz_32_r
#define op_AND_Eb_Ib_82_r op_AND_Eb_Ib_r
#define op_AND_Eb_Ib_82_m op_AND_Eb_Ib_m
#define op_AND_Ev_Ib_16_r op_AND_Ev_Iz_16_r
#define op_AND_Ev_Ib_16_m op_AND_Ev_Iz_16_m
#define op_AND_Ev_Ib_32_r op_AND_Ev_Iz_32_r
#define op_AND_Ev_Ib_32_m op_AND_Ev_Iz_32_m
#define op_SUB_Gb_Eb_r op_SUB_Eb_Gb_r
#define op_SUB_Gv_Ev_16_r op_SUB_Ev_Gv_16_r
#define op_SUB_Gv_Ev_32_r op_SUB_Ev_Gv_32_r
#define op_SUB_AL_Ib op_SUB_Eb_Ib_r
#define op_SUB_eAX_Iz_16 op_SUB_Ev_Iz_16_r
#define op_SUB_eAX_Iz_32 op_SUB_Ev_Iz_32_r
#define op_SUB_Eb_Ib_82_r op_SUB_Eb_Ib_r
#define op_SUB_Eb_Ib_82_m op_SUB_Eb_Ib_m
#define op_SUB_Ev_Ib_16_r op_SUB_Ev_Iz_16_r
#define op_SUB_Ev_Ib_16_m op_SUB_Ev_Iz_16_m
#define op_SUB_Ev_Ib_32_r op_SUB_Ev_Iz_32_r
#define op_SUB_Ev_Ib_32_m op_SUB_Ev_Iz_32_m
#define op_XOR_Gb_Eb_r op_XOR_Eb_Gb_r
#define op_XOR_Gv_Ev_16_r op_XOR_Ev_Gv_16_r
#define op_XOR_Gv_Ev_32_r op_XOR_Ev_Gv_32_r
#define op_XOR_AL_Ib op_XOR_Eb_Ib_r
#define op_XOR_eAX_Iz_16 op_XOR_Ev_Iz_16_r
#define op_XOR_eAX_Iz_32 op_XOR_Ev_Iz_32_r
#define op_XOR_Eb_Ib_82_r op_XOR_Eb_Ib_r
#define op_XOR_Eb_Ib_82_m op_XOR_Eb_Ib_m
#define op_XOR_Ev_Ib_16_r op_XOR_Ev_Iz_16_r
#define op_XOR_Ev_Ib_16_m op_XOR_Ev_Iz_16_m
#define op_XOR_Ev_Ib_32_r op_XOR_Ev_Iz_32_r
#define op_XOR_Ev_Ib_32_m op_XOR_Ev_Iz_32_m
#define op_CMP_Gb_Eb_r op_CMP_Eb_Gb_r
#define op_CMP_Gv_Ev_16_r op_CMP_Ev_Gv_16_r
#define op_CMP_Gv_Ev_32_r op_CMP_Ev_Gv_32_r
#define op_CMP_AL_Ib op_CMP_Eb_Ib_r
#define op_CMP_eAX_Iz_16 op_CMP_Ev_Iz_16_r
#define op_CMP_eAX_Iz_32 op_CMP_Ev_Iz_32_r
#define op_CMP_Eb_Ib_82_r op_CMP_Eb_Ib_r
#define op_CMP_Eb_Ib_82_m op_CMP_Eb_Ib_m
#define op_CMP_Ev_Ib_16_r op_CMP_Ev_Iz_16_r
#define op_CMP_Ev_Ib_16_m op_CMP_Ev_Iz_16_m
#define op_CMP_Ev_Ib_32_r op_CMP_Ev_Iz_32_r
#define op_CMP_Ev_Ib_32_m op_CMP_Ev_Iz_32_m
#define op_TEST_AL_Ib op_TEST_Eb_Ib_r
#define op_TEST_eAX_Iz_16 op_TEST_Ev_Iz_16_r
#define op_TEST_eAX_Iz_32 op_TEST_Ev_Iz_32_r
#define op_TEST_Eb_Ib_1_r op_TEST_Eb_Ib_r
#define op_TEST_Ev_Iz_1_16_r op_TEST_Ev_Iz_16_r
#define op_TEST_Ev_Iz_1_32_r op_TEST_Ev_Iz_32_r
#define op_TEST_Eb_Ib_1_m op_TEST_Eb_Ib_m
#define op_TEST_Ev_Iz_1_16_m op_TEST_Ev_Iz_16_m
#define op_TEST_Ev_Iz_1_32_m op_TEST_Ev_Iz_32_m
#define op_INC_Zv_16 op_INC_Ev_16_r
#define op_INC_Zv_32 op_INC_Ev_32_r
#define op_DEC_Zv_16 op_DEC_Ev_16_r
#define op_DEC_Zv_32 op_DEC_Ev_32_r
#define op_ROL_Eb_1 op_ROL_Eb_Ib
#define op_ROL_Ev_1_16_r op_ROL_Ev_Ib_16_r
#define op_ROL_Ev_1_16_m op_ROL_Ev_Ib_16_m
#define op_ROL_Ev_1_32_r op_ROL_Ev_Ib_32_r
#define op_ROL_Ev_1_32_m op_ROL_Ev_Ib_32_m
#define op_ROR_Eb_1 op_ROR_Eb_Ib
#define op_ROR_Ev_1_16_r op_ROR_Ev_Ib_16_r
#define op_ROR_Ev_1_16_m op_ROR_Ev_Ib_16_m
#define op_ROR_Ev_1_32_r op_ROR_Ev_Ib_32_r
#define op_ROR_Ev_1_32_m op_ROR_Ev_Ib_32_m
#define op_RCL_Eb_1 op_RCL_Eb_Ib
#define op_RCL_Ev_1_16_r op_RCL_Ev_Ib_16_r
#define op_RCL_Ev_1_16_m op_RCL_Ev_Ib_16_m
#define op_RCL_Ev_1_32_r op_RCL_Ev_Ib_32_r
#define op_RCL_Ev_1_32_m op_RCL_Ev_Ib_32_m
#define op_RCR_Eb_1 op_RCR_Eb_Ib
#define op_RCR_Ev_1_16_r op_RCR_Ev_Ib_16_r
#define op_RCR_Ev_1_16_m op_RCR_Ev_Ib_16_m
#define op_RCR_Ev_1_32_r op_RCR_Ev_Ib_32_r
#define op_RCR_Ev_1_32_m op_RCR_Ev_Ib_32_m
#define op_SHL_Eb_1 op_SHL_Eb_Ib
#define op_SHL_Ev_1_16_r op_SHL_Ev_Ib_16_r
#define op_SHL_Ev_1_16_m op_SHL_Ev_Ib_16_m
#define op_SHL_Ev_1_32_r op_SHL_Ev_Ib_32_r
#define op_SHL_Ev_1_32_m op_SHL_Ev_Ib_32_m
#define op_SHR_Eb_1 op_SHR_Eb_Ib
#define op_SHR_Ev_1_16_r op_SHR_Ev_Ib_16_r
#define op_SHR_Ev_1_16_m op_SHR_Ev_Ib_16_m
#define op_SHR_Ev_1_32_r op_SHR_Ev_Ib_32_r
#define op_SHR_Ev_1_32_m op_SHR_Ev_Ib_32_m
#define op_SAR_Eb_1 op_SAR_Eb_Ib
#define op_SAR_Ev_1_16_r op_SAR_Ev_Ib_16_r
#define op_SAR_Ev_1_16_m op_SAR_Ev_Ib_16_m
#define op_SAR_Ev_1_32_r op_SAR_Ev_Ib_32_r
#define op_SAR_Ev_1_32_m op_SAR_Ev_Ib_32_m
#define op_SAL_Eb_Ib op_SHL_Eb_Ib
#define op_SAL_Ev_Ib_16_r op_SHL_Ev_Ib_16_r
#define op_SAL_Ev_Ib_16_m op_SHL_Ev_Ib_16_m
#define op_SAL_Ev_Ib_32_r op_SHL_Ev_Ib_32_r
#define op_SAL_Ev_Ib_32_m op_SHL_Ev_Ib_32_m
#define op_SAL_Eb_CL op_SHL_Eb_CL
#define op_SAL_Ev_CL_16_r op_SHL_Ev_CL_16_r
#define op_SAL_Ev_CL_16_m op_SHL_Ev_CL_16_m
#define op_SAL_Ev_CL_32_r op_SHL_Ev_CL_32_r
#define op_SAL_Ev_CL_32_m op_SHL_Ev_CL_32_m
#define op_SAL_Eb_1 op_SHL_Eb_Ib
#define op_SAL_Ev_1_16_r op_SHL_Ev_Ib_16_r
#define op_SAL_Ev_1_16_m op_SHL_Ev_Ib_16_m
#define op_SAL_Ev_1_32_r op_SHL_Ev_Ib_32_r
#define op_SAL_Ev_1_32_m op_SHL_Ev_Ib_32_m
#define op_MOV_Gb_Eb_r op_MOV_Eb_Gb_r
#define op_MOV_Gv_Ev_16_r op_MOV_Ev_Gv_16_r
#define op_MOV_Gv_Ev_32_r op_MOV_Ev_Gv_32_r
#define op_MOV_AL_Ob_m op_MOV_Gb_Eb_m
#define op_MOV_Ob_AL_m op_MOV_Eb_Gb_m
#define op_MOV_AL_Ob_r op_UD
#define op_MOV_Ob_AL_r op_UD
#define op_MOV_eAX_Ov_16_m op_MOV_Gv_Ev_16_m
#define op_MOV_Ov_eAX_16_m op_MOV_Ev_Gv_16_m
#define op_MOV_eAX_Ov_16_r op_UD
#define op_MOV_Ov_eAX_16_r op_UD
#define op_MOV_eAX_Ov_32_m op_MOV_Gv_Ev_32_m
#define op_MOV_Ov_eAX_32_m op_MOV_Ev_Gv_32_m
#define op_MOV_eAX_Ov_32_r op_UD
#define op_MOV_Ov_eAX_32_r op_UD
#define op_MOV_Zb_Ib op_MOV_Eb_Ib_r
#define op_MOV_Zv_Iv_16 op_MOV_Ev_Iz_16_r
#define op_MOV_Zv_Iv_32 op_MOV_Ev_Iz_32_r
#define op_XCHG_Zv_eAX_16 op_XCHG_Ev_Gv_16_r
#define op_XCHG_Zv_eAX_32 op_XCHG_Ev_Gv_32_r
#define op_PUSH_Ib_16 op_PUSH_Iz_16
#define op_PUSH_Ib_32 op_PUSH_Iz_32
#define op_PUSH_Ib_flat op_PUSH_Iz_flat
#define op_IMUL_Gv_Ev_Ib_16_r op_IMUL_Gv_Ev_Iz_16_r
#define op_IMUL_Gv_Ev_Ib_16_m op_IMUL_Gv_Ev_Iz_16_m
#define op_IMUL_Gv_Ev_Ib_32_r op_IMUL_Gv_Ev_Iz_32_r
#define op_IMUL_Gv_Ev_Ib_32_m op_IMUL_Gv_Ev_Iz_32_m
#define op_JMP_Jb op_JMP_Jz
#define op_JO_Jb op_JO_Jz
#define op_JNO_Jb op_JNO_Jz
#define op_JB_Jb op_JB_Jz
#define op_JNB_Jb op_JNB_Jz
#define op_JZ_Jb op_JZ_Jz
#define op_JNZ_Jb op_JNZ_Jz
#define op_JBE_Jb op_JBE_Jz
#define op_JNBE_Jb op_JNBE_Jz
#define op_JS_Jb op_JS_Jz
#define op_JNS_Jb op_JNS_Jz
#define op_JP_Jb op_JP_Jz
#define op_JNP_Jb op_JNP_Jz
#define op_JL_Jb op_JL_Jz
#define op_JNL_Jb op_JNL_Jz
#define op_JLE_Jb op_JLE_Jz
#define op_JNLE_Jb op_JNLE_Jz
#define op_PUSH_ES op_PUSH_Sw
#define op_PUSH_CS op_PUSH_Sw
#define op_PUSH_SS op_PUSH_Sw
#define op_PUSH_DS op_PUSH_Sw
#define op_PUSH_FS op_PUSH_Sw
#define op_PUSH_GS op_PUSH_Sw
#define op_POP_ES op_POP_Sw
#define op_POP_SS op_POP_Sw
#define op_POP_DS op_POP_Sw
#define op_POP_FS op_POP_Sw
#define op_POP_GS op_POP_Sw
#define op_LES_Gv_Mp op_LSEG_Gv_Mp
#define op_LDS_Gv_Mp op_LSEG_Gv_Mp
#define op_LSS_Gv_Mp op_LSEG_Gv_Mp
#define op_LFS_Gv_Mp op_LSEG_Gv_Mp
#define op_LGS_Gv_Mp op_LSEG_Gv_Mp
#define op_NOP_PREFETCH op_NOP
#define op_NOP_18 op_NOP
#define op_NOP_19 op_NOP
#define op_NOP_1A op_NOP
#define op_NOP_1B op_NOP
#define op_NOP_1C op_NOP
#define op_NOP_1D op_NOP
#define op_NOP_1E op_NOP
#define op_NOP_1F op_NOP
#define op_UD0 op_UD
#define op_UD1 op_UD
#define op_UD2 op_UD
#define op_FXCH_STi_DD op_FXCH_STi
#define op_FXCH_STi_DF op_FXCH_STi
#define op_FSTP_STi_D9 op_FSTP_STi
#define op_FSTP_STi_DF0 op_FSTP_STi
#define op_FSTP_STi_DF1 op_FSTP_STi
#define op_FCOM_STi_DC op_FCOM_ST0_STi
#define op_FCOMP_STi_DC op_FCOMP_ST0_STi
#define op_FCOMP_STi_DE op_FCOMP_ST0_STi
#define op_FNENI op_FNOP
#define op_FNDISI op_FNOP
#define op_FNSETPM op_FNOP

#include "handlers_vector.h"
#include "handlers_float.h"

#define DECLARE_FX(name) HANDLER(op_##name);
#define DECLARE_EB(name) HANDLER(op_##name##_r); HANDLER(op_##name##_m);
#define DECLARE_EV(name) HANDLER(op_##name##_16_r); HANDLER(op_##name##_16_m); \
	HANDLER(op_##name##_32_r); HANDLER(op_##name##_32_m);
#define DECLARE_VW(name) HANDLER(op_##name##_16); HANDLER(op_##name##_32);
#define DECLARE_SV(name) DECLARE_VW(name) HANDLER(op_##name##_flat);
#define DECLARE_SE(name) DECLARE_EV(name) HANDLER(op_##name##_flat_r); HANDLER(op_##name##_flat_m);
#define DECLARE_XM(name) HANDLER(op_##name##_r); HANDLER(op_##name##_m);
#define DECLARE_XV(name) DECLARE_XM(name)
#define DECLARE_XW(name) DECLARE_XM(name)
#define DECLARE_XS(name) DECLARE_XM(name)
#define DECLARE_X1(name) DECLARE_XM(name)
#define DECLARE_V1(name) DECLARE_XM(name)
#define DECLARE_VX(name) DECLARE_XM(name)
#define DECLARE_V2(name) DECLARE_XM(name)
#define DECLARE_VS(name) DECLARE_XM(name)
#define DECLARE_VG(name) DECLARE_XM(name)
#define ROW(kind, enc, byte, digit, name, ...) DECLARE_##kind(name)
#include "opcodes_rows.h"

#endif
