// What the threads of a workgroup do together: functions of a shader that hold its barriers.
import type { Combination } from "../gpu/plan.ts"
import { updated } from "./wgsl-values.ts"

const types = { f32: "real", i32: "int", bool: "bool" } as const

/** The bytes of workgroup memory that trees of all types take. */
export const treeBytes = (workgroupSize: number): number => 2 * 4 * workgroupSize

/** The text of the functions that are used, without trees and mathematics. `strip` is how many words strips take. */
export function helpers(uses: readonly string[], workgroupSize: number, strip: number): string {
  const made = ["var<private> lane_index: u32;"]
  if (strip > 0) made.push(`var<workgroup> strip: array<f32, ${strip}>;`)
  for (const type of sharedTypes(uses))
    made.push(`var<workgroup> tree_${type}: array<${type}, ${workgroupSize}>;`)
  made.push("fn lane() -> i32 { return i32(lane_index); }")
  for (const name of uses.filter((x) => isHelper(x) && !isTree(x)).sort()) made.push(...text(name))
  return made.join("\n")
}

/** The functions that combine values of all threads, and `begin`, which an entry point that calls them starts with. */
export function trees(uses: readonly string[], workgroupSize: number): string {
  const used = uses.filter(isTree).sort()
  if (used.length === 0) return ""
  return [
    "fn begin(index: u32) { lane_index = index; }",
    ...used.flatMap((name) => tree(name, workgroupSize)),
  ].join("\n")
}

/** Whether a function is one of these. */
export const isHelper = (name: string): boolean => /^(tree|same)_|^sortable$/.test(name)

/** Whether a function combines values of all threads. */
export const isTree = (name: string): boolean => name.startsWith("tree_")

/** The types of the arrays in which threads of a workgroup exchange values. */
export const sharedTypes = (uses: readonly string[]): ("f32" | "i32")[] =>
  (["i32", "f32"] as const).filter((type) =>
    uses.some((name) => /^(tree|same)_/.test(name) && name.endsWith("f32") === (type === "f32")),
  )

function text(name: string): string[] {
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
  const type = name === "same_bool" ? "bool" : "i32"
  const isBool = type === "bool"
  const value = isBool ? "select(0, 1, x)" : "x"
  return [
    `fn ${name}(x: ${type}) -> ${type} {`,
    `  if (lane_index == 0u) { tree_i32[0] = ${value}; }`,
    `  return workgroupUniformLoad(&tree_i32[0])${isBool ? " != 0" : ""};`,
    "}",
  ]
}

/** How a tree combines, and what it holds in its array. */
export interface TreeParts {
  readonly type: "f32" | "i32" | "bool"
  readonly op: Combination
  readonly array: "tree_f32" | "tree_i32"
  /** `x = x op y`. */
  readonly combine: (x: string, y: string) => string
}

/** What the name of a tree says. Bools are held as 0 and 1. */
export function treeParts(name: string): TreeParts {
  const [, op, type] = name.split("_") as [string, Combination, TreeParts["type"]]
  const array = type === "f32" ? "tree_f32" : "tree_i32"
  if (type !== "bool") return { type, op, array, combine: (x, y) => updated(x, op, y, types[type]) }
  const either = op === "max" || op === "add" ? "max" : "min"
  return { type, op: either, array, combine: (x, y) => `${x} = ${either}(${x}, ${y});` }
}

function tree(name: string, size: number): string[] {
  const { type, array, combine } = treeParts(name)
  const isBool = type === "bool"
  return [
    `fn ${name}(x: ${type}) -> ${type} {`,
    `  ${array}[lane_index] = ${isBool ? "select(0, 1, x)" : "x"};`,
    ...halving(array, combine, size),
    `  return workgroupUniformLoad(&${array}[0])${isBool ? " != 0" : ""};`,
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
