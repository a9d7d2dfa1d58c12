// `npm run bench:gpu`: five losses with their gradients on the GPU of this machine, beside a shader that copies, and PyTorch there.
//
// With a GPU it writes the table into docs/gpu.md; a software adapter only shows that everything runs.
import { execFileSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { type GpuRow, type GpuRowInput, gpuRows } from "./gpu/rows.ts"
import { openGpu, timed } from "./gpu/device.ts"

const root = dirname(createRequire(import.meta.url).resolve("lossc/package.json"))
const say = (line: string): void => void process.stdout.write(`${line}\n`)

const STORAGE = 0x80
const COPY = 0xc

const gpu = await openGpu(root)
if (typeof gpu === "string") {
  say(`skipped: ${gpu}`)
  process.exit(0)
}
const { device, info, isSoftware } = gpu
const adapter = [info.vendor, info.architecture, info.device, info.description].filter(Boolean).join(", ")
say(`adapter: ${adapter}${isSoftware ? " (software)" : ""}`)

const torch = isSoftware ? new Map<string, string>() : torchTimes()
const copied = await copyRate(isSoftware ? 2 ** 20 : 2 ** 29)
say(`a copy moves ${(copied / 1e9).toFixed(1)} GB/s`)
const lines = [
  "| loss with gradients | ms | GB/s | of a copy | PyTorch eager, ms | compiled, ms |",
  "| --- | --: | --: | --: | --: | --: |",
]
for (const row of gpuRows(isSoftware)) {
  const ns = await measure(row)
  const rate = (row.bytes / ns) * 1e9
  const others = ["eager", "compiled"].map((way) => torch.get(`${row.name} ${way}`) ?? "-")
  lines.push(
    `| ${row.title} | ${(ns / 1e6).toFixed(3)} | ${(rate / 1e9).toFixed(1)} | ${(rate / copied).toFixed(2)} | ${others.join(" | ")} |`,
  )
  say(lines.at(-1)!)
}
if (!isSoftware) write([`Adapter: ${adapter}. A copy moves ${(copied / 1e9).toFixed(1)} GB/s.`, "", ...lines])

/** Bytes a second of a shader that reads and writes each element once. */
async function copyRate(bytes: number): Promise<number> {
  const code = `@group(0) @binding(0) var<storage, read> from_: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> to: array<vec4<f32>>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  for (var i = id.x; i < arrayLength(&to); i += groups.x * 64u) { to[i] = from_[i]; }
}`
  const pipeline = device.createComputePipeline({
    layout: "auto",
    compute: { module: device.createShaderModule({ code }), entryPoint: "main" },
  })
  const buffers = [0, 1].map(() => device.createBuffer({ size: bytes, usage: STORAGE }))
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
  })
  const ns = await timed(device, (encoder) => {
    const pass = encoder.beginComputePass()
    pass.setPipeline(pipeline)
    pass.setBindGroup(0, group)
    pass.dispatchWorkgroups(Math.min(65_535, Math.ceil(bytes / 1024)))
    pass.end()
  })
  for (const buffer of buffers) buffer.destroy()
  return (2 * bytes * 1e9) / ns
}

/** Nanoseconds of a row. */
async function measure({ loss, grad, inputs, sizes }: GpuRow): Promise<number> {
  const kernel = await loss.webgpu(device as unknown as Parameters<typeof loss.webgpu>[0], {
    grad: [...grad],
  })
  const buffers = Object.fromEntries(inputs.map((input) => [input.name, filled(input)]))
  const gradients = Object.fromEntries(
    grad.map((name) => [name, device.createBuffer({ size: buffers[name]!.size, usage: STORAGE | COPY })]),
  )
  const ns = await timed(device, (encoder) => {
    kernel.encode(encoder as never, {
      inputs: buffers as never,
      sizes,
      outputs: { grad: gradients as never },
    })
  })
  for (const buffer of [...Object.values(buffers), ...Object.values(gradients)]) buffer.destroy()
  kernel.destroy()
  return ns
}

/** A buffer of numbers from -2 to 2, or of labels, the same in every run. */
function filled({ length, labels }: GpuRowInput): GPUBuffer {
  const buffer = device.createBuffer({ size: length * 4, usage: STORAGE | COPY })
  const part = Math.min(length, 2 ** 22)
  const data = labels ? new Int32Array(part) : new Float32Array(part)
  let state = 1
  for (let i = 0; i < part; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    data[i] = labels ? state % labels : state / 2 ** 30 - 2
  }
  for (let at = 0; at < length; at += part)
    device.queue.writeBuffer(buffer, at * 4, data, 0, Math.min(part, length - at))
  return buffer
}

/** Milliseconds of PyTorch by row and way; empty where it is not here. */
function torchTimes(): Map<string, string> {
  try {
    const text = execFileSync("python3", [join(root, "bench/gpu/torch_rows.py")], { encoding: "utf8" })
    const found = text
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, string | number>)
    return new Map(
      found.slice(1).map((x) => [`${x["row"]} ${x["way"]}`, x["ms"] ? Number(x["ms"]).toFixed(3) : "failed"]),
    )
  } catch (error) {
    say(`no PyTorch on the GPU: ${error instanceof Error ? error.message.split("\n")[0] : String(error)}`)
    return new Map()
  }
}

/** Puts lines between the marks of docs/gpu.md. */
function write(lines: readonly string[]): void {
  const path = join(root, "docs/gpu.md")
  const text = readFileSync(path, "utf8")
  writeFileSync(
    path,
    text.replace(/(<!-- measured -->\n)[^]*(<!-- end -->)/, `$1\n${lines.join("\n")}\n\n$2`),
  )
  say("written to docs/gpu.md")
}
