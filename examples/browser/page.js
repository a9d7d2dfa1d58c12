// Trains points in the plane with the triplet loss: on the GPU where there is one, else in JavaScript; and draws both.
import { triplet as onCpu } from "./triplet-js.js"
import { triplet as onGpu } from "./triplet-wgsl.js"

const classes = 6
const perClass = 40
const count = classes * perClass
const batch = 512
const steps = 300
const rate = 6

// Always the same numbers (Park and Miller).
let seed = 7
const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647
const below = (n) => Math.floor(random() * n)

const points = Float32Array.from({ length: count * 2 }, () => random() * 4 - 2)
const adapter = await navigator.gpu?.requestAdapter()
const device = await adapter?.requestDevice()
const run = device ? (inputs) => onGpu(device, inputs) : onCpu
document.getElementById("where").textContent = device
  ? "on the GPU"
  : "in JavaScript, for this browser has no WebGPU"

/** Draws a batch: an anchor, a point of its class and one of another, by their places. */
function draw() {
  const places = { a: [], p: [], n: [] }
  for (let i = 0; i < batch; i++) {
    const own = below(classes)
    const other = (own + 1 + below(classes - 1)) % classes
    places.a.push(own * perClass + below(perClass))
    places.p.push(own * perClass + below(perClass))
    places.n.push(other * perClass + below(perClass))
  }
  return places
}

/** One step of descent; returns the loss. */
async function step() {
  const places = draw()
  const inputs = {}
  for (const [name, list] of Object.entries(places)) {
    const data = Float32Array.from({ length: batch * 2 }, (_, i) => points[list[i >> 1] * 2 + (i & 1)])
    inputs[name] = { data, shape: [batch, 2] }
  }
  const { loss, grad } = await run(inputs)
  for (const [name, list] of Object.entries(places))
    list.forEach((at, i) => {
      points[at * 2] -= rate * grad[name][i * 2]
      points[at * 2 + 1] -= rate * grad[name][i * 2 + 1]
    })
  return loss
}

const losses = []
function paint() {
  const plane = document.getElementById("points").getContext("2d")
  plane.clearRect(0, 0, 480, 480)
  const reach = Math.max(...points.map(Math.abs)) * 1.05
  for (let i = 0; i < count; i++) {
    plane.fillStyle = `hsl(${Math.floor(i / perClass) * (360 / classes)} 70% 45%)`
    plane.beginPath()
    plane.arc(240 + (points[i * 2] / reach) * 240, 240 + (points[i * 2 + 1] / reach) * 240, 4, 0, 7)
    plane.fill()
  }
  const curve = document.getElementById("curve").getContext("2d")
  curve.clearRect(0, 0, 480, 120)
  curve.beginPath()
  losses.forEach((loss, i) => curve.lineTo((i / steps) * 480, 118 - (loss / losses[0]) * 110))
  curve.stroke()
  document.getElementById("step").textContent = losses.length
  document.getElementById("loss").textContent = losses.at(-1)?.toFixed(4) ?? "…"
}

paint()
for (let i = 0; i < steps; i++) {
  losses.push(await step())
  paint()
  await new Promise((next) => requestAnimationFrame(next))
}
document.body.dataset.done = "true"
