/*
 * Rows of opcodes_float.h that share a handler with another one, and the forms that a row does
 * not have (#define op_NAME_r op_UD for one with a memory form only).
 */
#define op_LDMXCSR_Wss_r op_UD
#define op_STMXCSR_Wss_r op_UD
