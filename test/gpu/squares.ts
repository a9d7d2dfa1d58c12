// A program written by hand, as the compiler would make it: the mean of squares, its gradient, and how many rows there were.
import type { GpuProgram } from "../../src/gpu/program.ts"

const struct = `struct Uniform { n: i32, results: i32, partial: i32, groups: i32, scale: f32 }
@group(0) @binding(0) var<uniform> u: Uniform;
@group(0) @binding(1) var<storage, read_write> arena: array<u32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;
var<workgroup> shared_sum: array<f32, 32>;
`

/** Squares of `x`, scaled; rows over threads, with one partial sum for each workgroup. */
export const squares: GpuProgram = {
  shader: `${struct}
@compute @workgroup_size(32)
fn rows(@builtin(global_invocation_id) id: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
  var sum = 0.0;
  for (var i = i32(id.x); i < u.n; i += u.groups * 32) {
    sum += u.scale * x[i] * x[i];
    dx[i] = 2.0 * u.scale * x[i] / f32(u.n);
  }
  shared_sum[local.x] = sum;
  workgroupBarrier();
  if (local.x == 0u) {
    var total = 0.0;
    for (var k = 0; k < 32; k++) { total += shared_sum[k]; }
    arena[u.partial + i32(group.x)] = bitcast<u32>(total);
  }
}
@compute @workgroup_size(32)
fn last(@builtin(local_invocation_id) local: vec3<u32>) {
  if (local.x != 0u) { return; }
  var total = 0.0;
  for (var k = 0; k < u.groups; k++) { total += bitcast<f32>(arena[u.partial + k]); }
  arena[u.results] = bitcast<u32>(total / f32(max(u.n, 1)));
  arena[u.results + 1] = bitcast<u32>(u.n);
}
`,
  workgroupSize: 32,
  shortRow: 64,
  tiledRows: 1024,
  fewRows: 512,
  foursFrom: 256,
  sizeNames: ["b"],
  formulas: [{ size: "b" }],
  scalars: [{ name: "scale", type: "real" }],
  inputs: [{ name: "x", element: "f32", length: { formula: 0 }, place: { binding: 2 } }],
  outputs: [{ name: "x", length: { formula: 0 }, place: { binding: 3 } }],
  results: [
    { name: "loss", type: "real" },
    { name: "count", type: "int" },
  ],
  fields: [
    { kind: "formula", formula: 0 },
    { kind: "offset", region: 0 },
    { kind: "offset", region: 1 },
    { kind: "workgroups", dispatch: 0 },
    { kind: "scalar", scalar: 0 },
  ],
  regions: [
    { length: 2, copies: { kind: "once" } },
    { length: 1, copies: { kind: "workgroups", dispatch: 0 } },
  ],
  dispatches: [
    { rows: { formula: 0 }, inner: [], entries: [{ name: "rows", rowPer: "thread", bindings: [2, 3] }] },
    { inner: [], entries: [{ name: "last", rowPer: "workgroup", bindings: [] }] },
  ],
}

/** The same with `x` in the arena, before and after. */
export const squaresInArena: GpuProgram = {
  ...squares,
  shader: squares.shader
    .replace("scale: f32 }", "scale: f32, source: i32, gradient: i32 }")
    .replace(/@group\(0\) @binding\([23]\).*\n/g, "")
    .replace(/dx\[i\] = (.*);/, "arena[u.gradient + i] = bitcast<u32>($1);")
    .replace(/\bx\[i\]/g, "bitcast<f32>(arena[u.source + i])"),
  inputs: [{ ...squares.inputs[0]!, place: { region: 2 } }],
  outputs: [{ ...squares.outputs[0]!, place: { region: 3 } }],
  fields: [...squares.fields, { kind: "offset", region: 2 }, { kind: "offset", region: 3 }],
  regions: [
    ...squares.regions,
    { length: { formula: 0 }, copies: { kind: "once" } },
    { length: { formula: 0 }, copies: { kind: "once" } },
  ],
  dispatches: [
    { ...squares.dispatches[0]!, entries: [{ name: "rows", rowPer: "thread", bindings: [] }] },
    squares.dispatches[1]!,
  ],
}
