#include "bios32.h"
void nothing_to_boot(void)
{
	const char *reasons[8]; u32 i, n = boot_tried(reasons);
	print("No bootable disk\n");
	for (i = 0; i < n; i++) print("%s\n", reasons[i]);
	demo();
}
void demo(void) { for (;;) idle(); }
