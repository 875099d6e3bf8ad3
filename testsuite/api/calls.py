#!/usr/bin/env python3
"""Makes calls.inc for test_calls.c: each public function with good arguments, and with every argument in
turn replaced by each bad one.  The functions and their parameters come from the headers: a function
with a type of parameter that is not in the tables below, or a name in the tables that no function
has, is an error, so that nobody adds a function without saying how it can be misused.

usage: calls.py HEADERS OUTPUT

A value is C over `t`, the things of test_calls.c.  The first of a list is good.  "!" before a bad one:
the function must return an error (where it returns a status); none: it may do as it likes, but the
machine must live on.
"""
import glob
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs"))
from reference import functions  # noqa: E402


def sized(name):
    """A struct with its size in it: a good one, none, one without a size, one of a later version."""
    return [f"&t->{name}.good", "!NULL", f"!&t->{name}.none", f"!&t->{name}.later"]


def optional(name):
    return [value.replace("!NULL", "NULL") for value in sized(name)]


NUMBERS = ["0", "1", "0x7fffffff", "0x80000000u", "UINT32_MAX"]
LONG = ["0x1000", "0", "1", "INT64_MAX", "(uint64_t)1 << 63", "UINT64_MAX", "UINT64_MAX - 4095"]
# By "type name", or by type.
VALUES = {
    "struct cbx_machine * machine": ["t->machine", "!NULL", "t->bare"],
    "struct cbx_machine * * machine": ["&t->made", "!NULL"],
    "struct cbx_machine * * fork": ["&t->made", "!NULL"],
    "struct cbx_error *": ["&t->error", "NULL"],
    "struct cbx_stop *": ["&t->stop", "NULL"],
    "struct cbx_device * device": ["t->device", "!NULL"],
    "struct cbx_device * apic": ["t->bare_device", "!NULL"],
    "struct cbx_device * * device": ["&t->new_device", "!NULL"],
    "struct cbx_device_type *": ["&other_type", "!NULL", "!&(struct cbx_device_type){ 0 }",
                                 "!&(struct cbx_device_type){ .name = \"small\" }"],
    "struct cbx_io *": ["&io", "!&(struct cbx_io){ 0 }", "!&(struct cbx_io){ .widths = 0x80 }", "!NULL"],
    "struct cbx_ram *": ["t->ram", "!NULL"],
    "struct cbx_ram * *": ["&t->new_ram", "!NULL"],
    "struct cbx_region *": ["t->region", "!NULL"],
    "struct cbx_region * *": ["&t->new_region", "!NULL"],
    "struct cbx_timer *": ["t->timer", "!NULL"],
    "struct cbx_timer * *": ["&t->new_timer", "!NULL"],
    "struct cbx_gdb *": ["t->gdb", "!NULL"],
    "struct cbx_gdb * *": ["&t->new_gdb", "!NULL"],
    "struct cbx_pci_bus *": ["cbx_pc_pci_bus(t->machine)", "!NULL"],
    "struct cbx_pci_function *": ["t->function", "!NULL"],
    "struct cbx_pci_function * *": ["&t->new_function", "!NULL"],
    "struct cbx_overlay *": ["t->overlay", "!NULL"],
    "struct cbx_overlay * *": ["&t->new_overlay", "!NULL"],
    "struct cbx_disk_backend * disk": ["&t->disk", "&(struct cbx_disk_backend){ 0 }", "NULL"],
    "struct cbx_disk_backend * base": ["&t->disk", "!NULL", "!&(struct cbx_disk_backend){ 0 }"],
    "struct cbx_disk_backend * attached": ["&t->new_disk", "!NULL"],
    "struct cbx_line line": ["t->line", "(struct cbx_line){ 0 }"],
    "struct cbx_line * line": ["&t->line", "!NULL"],
    "struct cbx_machine_options *": optional("machine_options"),
    "struct cbx_pc_options *": optional("pc_options"),
    "struct cbx_fork_options *": sized("fork_options"),     # NULL: the fork would lack our device
    "struct cbx_gdb_options *": sized("gdb_options"),
    "struct cbx_overlay_options *": optional("overlay_options"),
    "struct cbx_pci_options *": sized("pci_options"),
    "struct cbx_breakpoint *": sized("breakpoint"),
    "struct cbx_hook *": sized("hook"),
    "struct cbx_history_info *": sized("history_info"),
    "struct cbx_exception *": ["&t->exception", "!NULL"],
    "struct cbx_object *": ["&t->object", "!NULL"],
    "struct cbx_map_range *": ["&t->range", "!NULL"],
    "struct cbx_screen *": ["&t->screen", "!NULL"],
    "struct cbx_cell *": ["t->cells", "!NULL"],
    "struct cbx_input *": ["&t->input", "!NULL", "!&(struct cbx_input){ .kind = CBX_INPUT_RESERVED }",
                           "!&(struct cbx_input){ .kind = 77 }", "!&(struct cbx_input){ .kind = 1 }",
                           "!&(struct cbx_input){ .kind = 3, .number = 4 }",
                           "!&(struct cbx_input){ .kind = 3, .count = 4 }",
                           "!&(struct cbx_input){ .kind = 5, .number = 6 }",
                           "!&(struct cbx_input){ .kind = 6, .number = 4 }",
                           "!&(struct cbx_input){ .kind = 6, .number = 1, .bytes = t->bytes, .count = 60 }"],
    "struct cbx_board_ops *": ["&t->ops", "NULL"],
    "struct cbx_apic_ops *": ["&apic_ops", "!NULL"],
    "enum cbx_register": ["CBX_RAX", "!(enum cbx_register)-1", "!CBX_REGISTER_COUNT", "!(enum cbx_register)0x7fffffff"],
    "enum cbx_map": ["CBX_MAP_READ", "CBX_MAP_WRITE", "!(enum cbx_map)3", "!(enum cbx_map)-1"],
    "enum cbx_drive": ["CBX_FLOPPY_A", "!CBX_IDE_3", "!(enum cbx_drive)6", "!(enum cbx_drive)-1"],
    "void * bytes": ["t->bytes", "!NULL"],
    "void * frame": ["t->bytes", "!NULL"],
    "void * user": ["t", "NULL"],
    "void * board": ["t->bytes", "NULL"],
    "void * memory": ["t->memory", "NULL"],
    "void * * bytes": ["&t->pointer", "!NULL"],
    "void * * data": ["&t->new_data", "!NULL"],
    "char * text": ["\"text\"", "!NULL", "\"\"", "\"\\xff\\x01\""],
    "char * what": ["\"full\"", "NULL", "\"\""],
    "char * cpu": ["\"haswell\"", "NULL", "!\"\"", "!\"no such\"", "!\"haswell,\"", "!\"haswell,-no\"", "!\"haswell,vendor=\""],
    "uint32_t *": ["t->pixels", "!NULL"],
    "uint8_t *": ["t->changed", "NULL"],
    "uint64_t *": ["&t->number", "!NULL"],
    "size_t *": ["&t->count", "!NULL"],
    "unsigned *": ["&t->id", "!NULL"],
    "unsigned": NUMBERS,
    "uint32_t": NUMBERS,
    "uint8_t": ["0x41", "0", "255"],
    "uint64_t": LONG,
    "size_t": ["64", "0"],
    "int": ["0", "1", "-1", "INT32_MAX", "INT32_MIN"],
    "bool": ["true", "false"],
    "fire": ["fire", "!NULL"], "changed": ["smram", "NULL"], "acknowledge": ["acknowledge", "NULL"],
    "log": ["log_message", "NULL"], "destroy": ["NULL"],
}
ENDS = ["0", "!SIZE_MAX", "!SIZE_MAX / 2"]
# What a function needs otherwise.
OWN = {
    "cbx_expect_screen": {"text": ["\"never\"", "!NULL", "!\"\""], "guest_nanoseconds": ["1000", "0"]},
    "cbx_expect_serial": {"text": ["\"never\"", "!NULL", "!\"\""], "guest_nanoseconds": ["1000", "0"],
                          "port": ["0", "!4", "!UINT32_MAX"]},
    "cbx_breakpoint_remove": {"id": ["t->breakpoint_id", "!0", "!t->breakpoint_id + 1000", "!UINT32_MAX"]},
    "cbx_hook_remove": {"id": ["t->hook_id", "!0", "!t->hook_id + 1000", "!UINT32_MAX"]},
    "cbx_exception_read": {"n": ["0", "!32", "!UINT32_MAX"]},
    "cbx_ports_map": {"first": ["0x900", "!65536", "!UINT32_MAX"], "count": ["4", "!0", "!65536", "!UINT32_MAX"]},
    "cbx_ports_unmap": {"first": ["0x800", "0x801", "65536", "UINT32_MAX"], "count": ["4", "3", "0", "UINT32_MAX"]},
    "cbx_ram_new": {"size": ["4096", "!0", "!1", "!4097", "!UINT64_MAX", "!UINT64_MAX - 4095"],
                    "name": ["\"new\"", "!NULL", "!\"own\"", "!forty_characters"]},
    "cbx_ram_read": {"offset": ["0", "!8192", "!8191", "!UINT64_MAX", "!UINT64_MAX - 63"], "count": ["64"] + ENDS},
    "cbx_ram_write": {"offset": ["0", "!8192", "!8191", "!UINT64_MAX", "!UINT64_MAX - 63"], "count": ["64"] + ENDS},
    # the offset has to be inside
    "cbx_ram_page": {"offset": ["0", "8191"], "ram": ["t->ram"]},
    "cbx_ram_page_writable": {"offset": ["0", "8191"], "ram": ["t->ram"]},
    "cbx_ram_take_dirty": {"offset": ["0", "8191"]},
    "cbx_region_new_ram": {"offset": ["0", "!1", "!8192", "!UINT64_MAX - 4095"],
                           "size": ["4096", "!0", "!1", "!12288", "!UINT64_MAX - 4095"]},
    "cbx_region_new_io": {"size": ["4096", "!0", "!4095", "!UINT64_MAX"]},
    "cbx_timer_new": {"number": ["0", "UINT32_MAX"], "name": ["\"new\"", "!NULL", "!\"\"", "!\"tick\"", "forty_characters"]},
    "cbx_pc_irq_line": {"irq": ["5", "!2", "!16", "!UINT32_MAX"]},
    "cbx_cpu_connect_smram": {"device": ["t->bare_device", "!NULL"]},
    "cbx_cpu_connect_inta": {"device": ["t->bare_device", "!NULL"]},
    "cbx_cpu_connect_ferr": {"device": ["t->bare_device", "!NULL"]},
    "cbx_log": {"text": ["\"text\"", "NULL", "\"\""]},
    "cbx_gdb_free": {"gdb": ["take(&t->gdb)", "NULL"]},
    "cbx_gdb_receive": {"bytes": ["\"+$?#3f$g#67\"", "NULL"], "count": ["11", "0", "1"]},
    "cbx_overlay_free": {"overlay": ["take(&t->overlay)", "NULL"]},
    "cbx_machine_free": {"machine": ["take(&t->bare)", "NULL"]},
    "cbx_buffer_free": {"data": ["t->data", "NULL"]},
    "cbx_run": {"options": [f"(cbx_request_stop(t->machine), {v})" if v == "NULL" else v for v in optional("run")]},
    "cbx_gdb_run": {"options": [f"(cbx_request_stop(t->machine), {v})" if v == "NULL" else v for v in optional("run")]},
    "cbx_fork": {"machine": ["t->machine", "!NULL", "t->bare"]},
    "cbx_history_enable": {"bytes": ["(uint64_t)4 << 20", "0", "!1", "!((uint64_t)1 << 20) - 1", "UINT64_MAX"]},
    "cbx_rewind_to": {"instruction_count": ["500", "0", "!1 << 30", "!UINT64_MAX"]},
    "cbx_outward_end": {"machine": ["(cbx_outward_begin(t->machine), t->machine)", "NULL", "t->machine"]},
    "cbx_medium_attach": {"drive": ["0", "5", "!6", "!UINT32_MAX"]},
    "cbx_machine_set_board": {"machine": ["t->bare", "NULL"]},
    "cbx_machine_set_board_ops": {"machine": ["t->bare", "NULL"]},
    "cbx_key": {"key": ["4", "!0", "!0xff", "!0x104", "!UINT32_MAX"]},
    "cbx_serial_input": {"port": ["0", "!4", "!UINT32_MAX"], "count": ["4", "0"]},
    "cbx_object_at": {"n": ["0", "1", "!1000", "!UINT32_MAX"]},
    "cbx_map_range_at": {"address": ["0", "((uint64_t)1 << 52) - 1", "!(uint64_t)1 << 52", "!UINT64_MAX"]},
    "cbx_memory_read": {"address": ["0", "!(uint64_t)1 << 52", "!UINT64_MAX", "!UINT64_MAX - 63", "!1 << 30"],
                        "count": ["64"] + ENDS},
    "cbx_memory_write": {"address": ["0", "!UINT64_MAX", "!UINT64_MAX - 63", "!1 << 30"], "count": ["64"] + ENDS},
    "cbx_linear_read": {"address": ["0", "!1 << 30", "UINT64_MAX", "(uint64_t)1 << 47"], "count": ["64"] + ENDS},
    "cbx_linear_write": {"address": ["0x8000", "!1 << 30", "(uint64_t)1 << 47"], "count": ["64"] + ENDS},
    "cbx_dma_read": {"address": ["0", "(uint64_t)1 << 52", "UINT64_MAX", "UINT64_MAX - 63"]},
    "cbx_dma_write": {"address": ["0x8000", "(uint64_t)1 << 52", "UINT64_MAX", "UINT64_MAX - 63"]},
    "cbx_disassemble": {"bytes": ["t->bytes", "!NULL"], "count": ["16", "0", "1"], "bits": ["16", "!0", "!17", "!128", "!UINT32_MAX"],
                        "text": ["t->text", "!NULL"], "text_size": ["64", "!0", "1", "2"]},
    "cbx_overlay_new": {"disk": ["&t->new_disk", "!NULL"]},
    "cbx_overlay_next": {"cursor": ["0", "1", "SIZE_MAX"]},
    "cbx_network_receive": {"card": ["0", "!1", "!4", "!UINT32_MAX"], "count": ["60", "!0", "!13", "!1515", "!SIZE_MAX"]},
    "cbx_machine_allocate": {"size": ["64", "0", "SIZE_MAX", "SIZE_MAX / 2"]},
    "cbx_pci_msi_new": {"offset": ["0x40", "!0x3c", "!0x41", "!0xec", "!0x100", "!UINT32_MAX"],
                        "messages": ["4", "!0", "!3", "!64", "!UINT32_MAX"]},
    "cbx_pci_function_at": {"slot": ["0", "31", "32", "UINT32_MAX"], "function": ["0", "7", "8", "UINT32_MAX"]},
    "cbx_screen_render": {"stride": ["1024", "!0"], "lines": ["1024", "!0"]},
    "cbx_screen_update": {"stride": ["1024", "!0"], "lines": ["1024", "!0"], "since": ["0", "1", "UINT64_MAX"]},
    "cbx_screen_cells": {"count": ["8192", "0", "1"]},
    "cbx_screen_text": {"text": ["t->text", "!NULL"], "size": ["64", "0", "1"]},
    "cbx_snapshot_load": {"size": ["t->data_size", "!0", "!1", "!t->data_size - 1"],
                          "data": ["t->data", "!NULL", "!memset(t->bytes, 7, sizeof(t->bytes))"]},
    "cbx_pci_function_new": {"device": ["t->device", "!NULL"]},
    "cbx_drive_change": {"disk": ["&t->disk", "&(struct cbx_disk_backend){ 0 }", "NULL"]},
    "cbx_click": {"buttons": ["0", "7", "UINT32_MAX"]},
}
for _name in ("default", "writable", "clearable", "read", "write"):
    OWN["cbx_pci_config_" + _name] = {"offset": ["0x50", "0xff", "0x100", "UINT32_MAX"], "width": ["4", "0", "3", "8", "UINT32_MAX"]}
# What has gone after a call on a machine, and what is to be given back.
GONE = {"cbx_machine_release": "memory", "cbx_buffer_free": "data"}
GIVEN = {"cbx_machine_allocate": "cbx_machine_release(t->machine, {})"}
# Where CBX_OK is not what good arguments give.
GOOD = {
    "cbx_expect_screen": "CBX_ERROR_LIMIT", "cbx_expect_serial": "CBX_ERROR_LIMIT",
    "cbx_click": "ANY",                 # by what the guest does
    "cbx_network_receive": "CBX_ERROR_LIMIT",
    "cbx_exception_read": "CBX_ERROR_ARGUMENT",
}


def parameters(text):
    """(type, name) of each."""
    text = re.sub(r"\w+ \(\*(\w+)\)\([^()]*\)", r"@ \1", text)      # functions go by their names
    if text == "void":
        return []
    found = []
    for part in text.split(","):
        part = re.sub(r"\bconst\b|\s+", " ", part).replace("*", " * ").strip()
        kind, name = re.match(r"(.*\S)\s+(\w+)$", part).groups()
        found.append((re.sub(r"\s+", " ", kind), name))
    return found


def main():
    headers, output = sys.argv[1:]
    used, names, text = set(), set(), []
    rows = []
    for path in sorted(glob.glob(os.path.join(headers, "*.h"))):
        for f in functions(open(path, encoding="utf-8").read()):
            names.add(f.name)
            lists = []
            for kind, name in parameters(f.parameters):
                own = OWN.get(f.name, {})
                keys = [k for k in (f"{kind} {name}", name if kind == "@" else kind) if k in VALUES]
                if name not in own and not keys:
                    sys.exit(f"calls.py: what are good and bad values for {kind} {name} of {f.name}? Say it in a table.")
                lists.append(own[name] if name in own else VALUES[keys[0]])
                used.add(f"{f.name} {name}" if name in own else keys[0])
            good = [values[0] for values in lists]
            cases = [(good, "GOOD")]
            for at, values in enumerate(lists):
                for bad in values[1:]:
                    changed = good[:at] + [bad.lstrip("!")] + good[at + 1:]
                    cases.append((changed, "REFUSED" if bad.startswith("!") and f.result == "enum cbx_status" else "ANY"))
            status = f.result == "enum cbx_status"
            text.append(f"static int call_{f.name}(struct things *t, unsigned n)\n{{\n\t(void)t;\n\tswitch (n) {{")
            for n, (values, _) in enumerate(cases):
                call = GIVEN.get(f.name, "{}").format(f"{f.name}({', '.join(values)})")
                if f.name in GONE and "NULL" not in values:
                    call += f";\n\t\tt->{GONE[f.name]} = NULL"
                text.append(f"\tcase {n}:\n\t\t" + (f"return (int){call};" if status else f"(void){call};\n\t\treturn 0;"))
            text.append("\tdefault:\n\t\treturn 0;\n\t}\n}\n")
            kinds = ", ".join(kind for _, kind in cases)
            expected = GOOD.get(f.name, "CBX_OK")
            shown = ", ".join('"' + ", ".join(values).replace("\\", "\\\\").replace('"', '\\"') + '"' for values, _ in cases)
            text.append(f"static const enum expected kinds_{f.name}[] = {{ {kinds} }};")
            text.append(f"static const char *const shown_{f.name}[] = {{ {shown} }};\n")
            rows.append(f"\t{{ \"{f.name}\", call_{f.name}, kinds_{f.name}, shown_{f.name}, {len(cases)}, {expected} }},")
    for name in (set(OWN) | set(GOOD) | set(GONE) | set(GIVEN)) - names:
        sys.exit(f"calls.py: there is no function {name}")
    own_names = {f"{name} {p}" for name, own in OWN.items() for p in own}
    for name in (set(VALUES) | own_names) - used:
        sys.exit(f"calls.py: nothing takes {name}")
    with open(output, "w", encoding="utf-8") as file:
        file.write("/* Made by calls.py. */\n" + "\n".join(text) + "\nstatic const struct call calls[] = {\n" + "\n".join(rows) + "\n};\n")


if __name__ == "__main__":
    main()
