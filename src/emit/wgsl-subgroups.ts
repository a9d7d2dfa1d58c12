// What the threads of a workgroup do together where the device has subgroups: first those of a subgroup, then these in memory.
import { isTree, sharedTypes, treeParts } from "./wgsl-helpers.ts"

/**
 * The same functions as `trees`. Which threads are a subgroup, and how many, is found out at the start: a device may choose. The
 * subgroups of a workgroup are in the order of their first threads, so that sums are always added up in one order.
 */
export function subgroupTrees(uses: readonly string[], workgroupSize: number): string {
  const used = uses.filter(isTree).sort()
  const type = sharedTypes(uses)[0] ?? "f32"
  return [
    "var<private> is_first: bool;",
    "var<private> subgroup: u32;",
    "var<private> subgroups: u32;",
    "fn begin(index: u32) {",
    "  lane_index = index;",
    "  let first = subgroupMin(index);",
    "  is_first = index == first;",
    `  tree_${type}[index] = ${type}(is_first);`,
    "  workgroupBarrier();",
    `  for (var k: u32 = 0u; k < ${workgroupSize}u; k++) {`,
    `    let one = u32(tree_${type}[k]);`,
    "    subgroups += one;",
    "    subgroup += select(0u, one, k < first);",
    "  }",
    "  workgroupBarrier();",
    "}",
    ...used.flatMap(tree),
  ].join("\n")
}

const builtins = { add: "subgroupAdd", mul: "subgroupMul", max: "subgroupMax", min: "subgroupMin" } as const

function tree(name: string): string[] {
  const { type, op, array, combine } = treeParts(name)
  const isBool = type === "bool"
  const part = isBool
    ? `select(0, 1, ${op === "max" ? "subgroupAny" : "subgroupAll"}(x))`
    : `${builtins[op]}(x)`
  return [
    `fn ${name}(x: ${type}) -> ${type} {`,
    `  let part = ${part};`,
    `  if (is_first) { ${array}[subgroup] = part; }`,
    "  workgroupBarrier();",
    `  var whole = ${array}[0];`,
    `  for (var k: u32 = 1u; k < subgroups; k++) { ${combine("whole", `${array}[k]`)} }`,
    "  workgroupBarrier();",
    `  return whole${isBool ? " != 0" : ""};`,
    "}",
  ]
}
