// What the threads of a workgroup do together: functions of a shader that hold its barriers.
import { updated } from "./wgsl-values.ts"

const combinations = ["add", "mul", "max", "min"] as const
const types = { f32: "real", i32: "int", bool: "bool" } as const

/** The bytes of workgroup memory that trees of all types take. */
export const treeBytes = (workgroupSize: number): number => 2 * 4 * workgroupSize

/** The text of the functions that are used; the others are those of mathematics. `strip` is how many words strips take. */
export function helpers(uses: readonly string[], workgroupSize: number, strip: number): string {
  const made = ["var<private> lane_index: u32;", "fn lane() -> i32 { return i32(lane_index); }"]
  for (const name of [...uses].filter(isHelper).sort()) made.push(...texts(name, workgroupSize))
  const shared = new Set([...uses].filter(isHelper).map((name) => sharedType(name)))
  for (const type of ["f32", "i32"])
    if (shared.has(type)) made.splice(1, 0, `var<workgroup> tree_${type}: array<${type}, ${workgroupSize}>;`)
  if (strip > 0) made.splice(1, 0, `var<workgroup> strip: array<f32, ${strip}>;`)
  return made.join("\n")
}

/** Whether a function is one of these. */
export const isHelper = (name: string): boolean => /^(tree|same)_|^sortable$/.test(name)

const sharedType = (name: string): string | undefined =>
  name === "sortable" ? undefined : name.endsWith("f32") ? "f32" : "i32"

function texts(name: string, size: number): string[] {
  if (name === "sortable")
    return [
      "// Bits that are ordered as numbers are: 0 and -0 are equal, NaN comes last.",
      "fn sortable(x: f32) -> u32 {",
      "  let bits = bitcast<u32>(x);",
      "  if ((bits & 0x7fffffffu) > 0x7f800000u) { return 0xffffffffu; }",
      "  if ((bits & 0x7fffffffu) == 0u) { return 0x80000000u; }",
      "  return select(bits | 0x80000000u, ~bits, (bits & 0x80000000u) != 0u);",
      "}",
    ]
  const [kind, op, of] = name.split("_") as [string, string, string | undefined]
  if (kind === "same") {
    const isBool = op === "bool"
    const value = isBool ? "select(0, 1, x)" : "x"
    return [
      `fn ${name}(x: ${op}) -> ${op} {`,
      `  if (lane_index == 0u) { tree_i32[0] = ${value}; }`,
      `  return workgroupUniformLoad(&tree_i32[0])${isBool ? " != 0" : ""};`,
      "}",
    ]
  }
  const type = of as keyof typeof types
  if (type === "bool") {
    const combine = op === "max" || op === "add" ? "max" : "min"
    return [
      `fn ${name}(x: bool) -> bool {`,
      "  tree_i32[lane_index] = select(0, 1, x);",
      ...halving("tree_i32", (x, y) => `${x} = ${combine}(${x}, ${y});`, size),
      "  return workgroupUniformLoad(&tree_i32[0]) != 0;",
      "}",
    ]
  }
  return [
    `fn ${name}(x: ${type}) -> ${type} {`,
    `  tree_${type}[lane_index] = x;`,
    ...halving(
      `tree_${type}`,
      (x, y) => updated(x, op as (typeof combinations)[number], y, types[type]),
      size,
    ),
    `  return workgroupUniformLoad(&tree_${type}[0]);`,
    "}",
  ]
}

function halving(array: string, combine: (x: string, y: string) => string, size: number): string[] {
  if (size === 1) return []
  return [
    `  for (var half: u32 = ${size / 2}u; half > 0u; half >>= 1u) {`,
    "    workgroupBarrier();",
    `    if (lane_index < half) { ${combine(`${array}[lane_index]`, `${array}[lane_index + half]`)} }`,
    "  }",
  ]
}
