// @ts-check
// Puts the results of pieces of a batch together on a device, where nothing is read back in between.
//
// Plain JavaScript, because its text also becomes a part of emitted modules.
/** @import { GpuCommandEncoder, GpuDevice } from "./gpu-device.ts" */
/** @import { Part } from "./gpu-buffers.js" */
/** @import { GpuProgram } from "../gpu/program.ts" */
/** @import { Split } from "./gpu-pieces.js" */

/**
 * What the shader does: take the numbers of a piece into those of the whole; add the sums over its rows to those of the pieces
 * before; divide the sums of losses and weights; and bring the results of its rows from its own mean to that of the whole.
 * @typedef {"take" | "add" | "divide" | "scale"} Step
 */

const bindingsOf = { take: [0, 1], add: [1, 2, 3], divide: [1], scale: [0, 1, 3] }
const bindingTypes = ["read-only-storage", "storage", "read-only-storage", "storage"]

/** @param {string} word */
const real = (word) => `bitcast<f32>(${word})`

/** How many words a whole has after its numbers: two factors. */
export const factorWords = 2

/**
 * The factors of a whole are those of the pieces so far and of the next one, and after `divide` those of losses and weights. A mean
 * over rows is that of the means of pieces, so that no sum leaves the range of f32. Where no row was kept the last piece says what
 * the mean of nothing is. Nothing is multiplied by 0: it may not be finite.
 * @param {GpuProgram} program of the pieces
 * @param {Split} split
 */
function mergeText({ results }, { mean, emptyIsZero }) {
  const numberIn = (/** @type {"piece" | "whole"} */ array, /** @type {string} */ name) => {
    const at = results.findIndex((one) => one.name === name)
    return results[at]?.type === "real" ? real(`${array}[${at}]`) : `f32(bitcast<i32>(${array}[${at}]))`
  }
  const [first, second] = [`${results.length}u`, `${results.length + 1}u`]
  const loss = results.findIndex(({ name }) => name === "loss")
  const taken = results.flatMap(({ name, type }, i) => {
    if (name.startsWith("label:")) return []
    if (type !== "real") return [`whole[${i}] = whole[${i}] + piece[${i}];`]
    const sum = `${real(`whole[${i}]`)} + ${real(`piece[${i}]`)}`
    const mix = `times(${real(`whole[${i}]`)}, before) + times(${real(`piece[${i}]`)}, own)`
    return [`whole[${i}] = bitcast<u32>(${name === "per" ? sum : mix});`]
  })
  const weights =
    mean === "count"
      ? `
    let rows = ${numberIn("whole", "count")};
    let more = ${numberIn("piece", "count")};
    if (rows > 0.0) {
      before = select(rows / (rows + more), 1.0, more == 0.0);
      own = more / (rows + more);
    }`
      : `
    // The factor of the piece before, if there was one.
    before = ${real(`whole[${second}]`)};`
  const scaling =
    mean === "count"
      ? `
  let all = ${numberIn("whole", "count")};
  let own = ${numberIn("piece", "count")};
  if (all == 0.0 || own == all) { return; }
  let by = own / all;`
      : `
  if (${numberIn("whole", "per")} != 0.0) { return; }
  let by = 0.0;`
  const ids =
    "@builtin(workgroup_id) id: vec3<u32>, @builtin(num_workgroups) count: vec3<u32>, @builtin(local_invocation_index) thread: u32"
  const loop = "for (var i = id.x * 64u + thread; i < arrayLength(&sums); i += count.x * 64u)"
  return `
@group(0) @binding(0) var<storage, read> piece: array<u32>;
@group(0) @binding(1) var<storage, read_write> whole: array<u32>;
@group(0) @binding(2) var<storage, read> terms: array<f32>;
@group(0) @binding(3) var<storage, read_write> sums: array<f32>;
fn times(x: f32, by: f32) -> f32 {
  if (by == 0.0) { return 0.0; }
  return x * by;
}
@compute @workgroup_size(64)
fn take(@builtin(local_invocation_index) thread: u32) {
  if (thread == 0u) {
    var before = 0.0;
    var own = 1.0;${weights}
    ${taken.join("\n    ")}
    whole[${first}] = bitcast<u32>(before);
    whole[${second}] = bitcast<u32>(own);
  }
}
@compute @workgroup_size(64)
fn add(${ids}) {
  let before = ${real(`whole[${first}]`)};
  let own = ${real(`whole[${second}]`)};
  ${loop} { sums[i] = times(sums[i], before) + times(terms[i], own); }
}
${
  mean === "per"
    ? `@compute @workgroup_size(64)
fn divide(@builtin(local_invocation_index) thread: u32) {
  if (thread == 0u) {
    let total = ${numberIn("whole", "loss")};
    let weight = ${numberIn("whole", "per")};
    let isZero = ${emptyIsZero ? "weight == 0.0" : "false"};
    whole[${loss}] = bitcast<u32>(select(total / weight, 0.0, isZero));
    whole[${first}] = bitcast<u32>(select(1.0 / weight, 0.0, isZero));
    whole[${second}] = bitcast<u32>(select(-(total / weight) / weight, 0.0, isZero));
  }
}
`
    : ""
}${
    mean === "none"
      ? ""
      : `@compute @workgroup_size(64)
fn scale(${ids}) {${scaling}
  ${loop} { sums[i] = times(sums[i], by); }
}
`
  }`
}

/** The steps on a device, each compiled when it is first needed. */
export class Merge {
  /** @type {object | undefined} */
  #module
  /** @type {Map<Step, { readonly layout: object, readonly pipeline: object }>} */
  #ways = new Map()

  /**
   * @param {GpuDevice} device
   * @param {GpuProgram} program of the pieces
   * @param {Split} split
   */
  constructor(device, program, split) {
    this.device = device
    this.text = mergeText(program, split)
  }

  /** @param {Step} step */
  #make(step) {
    const { device } = this
    this.#module ??= device.createShaderModule({ code: this.text })
    const layout = device.createBindGroupLayout({
      entries: bindingsOf[step].map((binding) => ({
        binding,
        visibility: 4,
        buffer: { type: bindingTypes[binding] },
      })),
    })
    const pipeline = device.createComputePipeline({
      layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module: this.#module, entryPoint: step },
    })
    return { layout, pipeline }
  }

  /**
   * Records a step.
   * @param {GpuCommandEncoder} encoder
   * @param {Step} step
   * @param {{ readonly piece?: Part, readonly whole: Part, readonly terms?: Part, readonly sums?: Part }} parts
   */
  record(encoder, step, { piece, whole, terms, sums }) {
    if (sums?.size === 0) return
    const { device } = this
    const way = this.#ways.get(step) ?? this.#make(step)
    this.#ways.set(step, way)
    const bound = [piece, whole, terms, sums]
    const entries = bindingsOf[step].map((binding) => ({ binding, resource: bound[binding] }))
    const pass = encoder.beginComputePass()
    pass.setPipeline(way.pipeline)
    pass.setBindGroup(0, /** @type {never} */ (device.createBindGroup({ layout: way.layout, entries })))
    pass.dispatchWorkgroups(sums ? Math.max(1, Math.min(Math.ceil(sums.size / 256), 1024)) : 1)
    pass.end()
  }
}
