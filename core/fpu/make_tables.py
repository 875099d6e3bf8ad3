#!/usr/bin/env python3
"""Prints tables.c, the constants of the transcendental functions, from integer arithmetic alone."""

BITS = 1024
ONE = 1 << BITS


def arctangent(numerator, denominator):
    """atan(numerator / denominator) times 2^BITS, for small ratios, by its series."""
    term = ONE * numerator // denominator
    total, k = 0, 0
    while term:
        total += term // (2 * k + 1) * (-1 if k & 1 else 1)
        term = term * numerator ** 2 // denominator ** 2
        k += 1
    return total


def arctangent_32nds(j):
    """atan(j / 32): halves of the arguments meet by atan a = atan b + atan((a - b) / (1 + ab))."""
    total, step = 0, 4
    for k in range(j // step):
        low, high = k * step, (k + 1) * step
        total += arctangent((high - low) * 32, 32 * 32 + low * high)
    low = j // step * step
    return total + arctangent((j - low) * 32, 32 * 32 + low * j)


def limbs(value, count, scale=0):
    """value / 2^scale as a fraction of count 64-bit words, most significant first."""
    value >>= BITS + scale - 64 * count
    return [value >> 64 * (count - 1 - i) & (1 << 64) - 1 for i in range(count)]


def row(words):
    lines, line = [], "\t"
    for i, word in enumerate(words):
        line += "0x%016x," % word
        if i % 4 == 3 and i != len(words) - 1:
            lines.append(line)
            line = "\t"
        elif i != len(words) - 1:
            line += " "
    return "\n".join(lines + [line])


def array(comment, name, words):
    print("/* %s */\nconst uint64_t %s[%d] = {\n%s\n};\n" %
          (comment, name, len(words), row(words)))


def table(comment, name, rows):
    print("/* %s */\nconst uint64_t %s[%d][%d] = {" %
          (comment, name, len(rows), len(rows[0])))
    for words in rows:
        print("\t{\n\t%s\n\t}," % row(words).replace("\n", "\n\t"))
    print("};\n")


pi = 16 * arctangent(1, 5) - 4 * arctangent(1, 239)
ln2 = sum(ONE // (k << k) for k in range(1, BITS))
factorials, factorial = [], 1
for k in range(36):
    factorials.append(limbs(ONE // factorial, 2, 2))
    factorial *= k + 1

print("/*\n * tables.c - constants of the transcendental functions, made by make_tables.py\n */")
print("#include \"tables.h\"\n")
array("2 / pi", "two_over_pi", limbs(ONE * 2 * ONE // pi, 10))
array("pi / 4", "quarter_pi", limbs(pi // 4, 8))
array("ln 2", "ln_2", limbs(ln2, 8))
array("1 / (2 ln 2)", "half_over_ln_2", limbs(ONE * ONE // (2 * ln2), 8))
table("1 / k!, q2", "reciprocal_factorials", factorials)
table("1 / (2k + 1), q2", "reciprocal_odds", [limbs(ONE // (2 * k + 1), 2, 2) for k in range(28)])
table("atan(j / 32), q2", "arctangents", [limbs(arctangent_32nds(j), 8, 2) for j in range(33)])
