/* Stands in for the VGA BIOS until bios/ builds one. */
#include "roms.h"

const unsigned char cbx_vgabios_image[1] = { 0 };
const unsigned cbx_vgabios_image_size = 0;
