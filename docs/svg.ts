// Curves -> a small picture that reads on light and on dark ground.
import type { Curve } from "./trace.ts"

/** What a picture shows. */
export interface Picture {
  readonly title: string
  readonly low: number
  readonly high: number
  readonly curves: readonly Curve[]
}

const size = { width: 480, height: 260 }
const frame = { left: 46, right: 12, top: 22, bottom: 30 }
const colours = ["#3b82c4", "#d9772b", "#3a9d5d", "#9a6bc9", "#c2527a", "#8a7a3c"]
const ink = "#858b94"

/** Draws values as lines and derivatives as dashes. */
export function draw({ title, low, high, curves }: Picture): string {
  const range = limits(curves.flatMap(({ values, slopes }) => [...values, ...slopes]))
  const right = size.width - frame.right
  const bottom = size.height - frame.bottom
  const across = (x: number): number => frame.left + ((x - low) / (high - low)) * (right - frame.left)
  const up = (y: number): number =>
    bottom - ((y - range.low) / (range.high - range.low)) * (bottom - frame.top)
  const line = (x1: number, y1: number, x2: number, y2: number, more: string): string =>
    `<path d="M${short(x1)} ${short(y1)}L${short(x2)} ${short(y2)}" ${more}/>`
  const grid = [
    ...ticks(low, high, 7).map((x) => {
      const at = across(x)
      return `${line(at, frame.top, at, bottom, faint(x))}<text x="${short(at)}" y="${bottom + 16}" text-anchor="middle">${label(x)}</text>`
    }),
    ...ticks(range.low, range.high, 5).map((y) => {
      const at = up(y)
      return `${line(frame.left, at, right, at, faint(y))}<text x="${frame.left - 6}" y="${short(at + 4)}" text-anchor="end">${label(y)}</text>`
    }),
  ]
  const lines = curves.flatMap(({ values, slopes }, i) => {
    const colour = colours[i % colours.length]!
    const path = (list: readonly number[], more: string): string =>
      `<path d="${trail(list, (k) => across(low + ((high - low) * k) / (list.length - 1)), up)}" stroke="${colour}" ${more}/>`
    return [path(slopes, 'stroke-width="1.3" stroke-dasharray="5 4"'), path(values, 'stroke-width="2"')]
  })
  let from = frame.left
  const legend = curves.flatMap(({ label }, i) => {
    if (label === "") return []
    const at = from
    from += 12 + 6.2 * label.length
    return [`<text x="${short(at)}" y="13" fill="${colours[i % colours.length]!}">${escaped(label)}</text>`]
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" width="${size.width}" height="${size.height}" role="img" aria-labelledby="t" font-family="sans-serif" font-size="11" fill="${ink}">`,
    `<title id="t">${escaped(title)}</title>`,
    `<clipPath id="c"><path d="M${frame.left} ${frame.top}H${right}V${bottom}H${frame.left}Z"/></clipPath>`,
    ...grid,
    `<text x="${right}" y="${size.height - 3}" text-anchor="end" font-style="italic">x</text>`,
    `<g fill="none" stroke-linejoin="round" clip-path="url(#c)">`,
    ...lines,
    "</g>",
    ...legend,
    "</svg>",
    "",
  ].join("\n")
}

/** The line of 0 is an axis, others are only to read values off. */
const faint = (at: number): string =>
  at === 0 ? `stroke="${ink}" stroke-width="1"` : `stroke="${ink}" stroke-opacity=".25" stroke-width="1"`

/** A range that holds all but a few extreme values, with some room. */
function limits(values: readonly number[]): { readonly low: number; readonly high: number } {
  const sorted = values.filter((v) => Number.isFinite(v)).sort((a, b) => a - b)
  if (sorted.length === 0) return { low: -1, high: 1 }
  const at = (part: number): number => sorted[Math.round(part * (sorted.length - 1))]!
  const [first, last] = [at(0), at(1)]
  const [near, far] = [at(0.03), at(0.97)]
  // Poles are cut off; what only bends stays whole.
  const spread = Math.max(far - near, 1e-12)
  const low = first < near - spread ? near : first
  const high = last > far + spread ? far : last
  const room = 0.06 * (high - low) || 1
  return { low: low - room, high: high + room }
}

/** Round numbers inside a range, about as many as wanted. */
function ticks(low: number, high: number, wanted: number): number[] {
  const rough = (high - low) / wanted
  const ten = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((k) => k * ten).find((s) => s >= rough * 0.99)!
  const out: number[] = []
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++)
    out.push(k === 0 ? 0 : k * step)
  return out
}

const label = (value: number): string => String(Number(value.toPrecision(6))).replace("-", "\u2212")
const short = (value: number): string => String(Math.round(value * 10) / 10)
const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;")

type Point = readonly [x: number, y: number]

/** A path through values: apart at jumps and where there is no value, without points that lie on a line with others. */
function trail(values: readonly number[], across: (k: number) => number, up: (y: number) => number): string {
  const far = 4 * size.height
  const parts: Point[][] = [[]]
  values.forEach((value, k) => {
    const y = up(value)
    if (!Number.isFinite(y)) return void parts.push([])
    const point: Point = [across(k), Math.min(Math.max(y, -far), far)]
    const part = parts.at(-1)!
    const [before, last] = part.slice(-2)
    const jump = last ? Math.abs(point[1] - last[1]) : 0
    if (last && jump > 12 && jump > 6 * Math.abs(last[1] - (before ?? last)[1])) parts.push([point])
    else part.push(point)
  })
  return parts
    .filter((part) => part.length > 1)
    .map(
      (part) =>
        `M${thinned(part)
          .map(([x, y]) => `${short(x)} ${short(y)}`)
          .join("L")}`,
    )
    .join("")
}

/** The points that a line needs to stay within a fifth of a unit (Douglas and Peucker, 1973). */
function thinned(points: readonly Point[]): readonly Point[] {
  const [first, last] = [points[0]!, points.at(-1)!]
  let worst = 0
  let at = 0
  points.forEach(([x, y], i) => {
    const wanted = first[1] + ((last[1] - first[1]) * (x - first[0])) / (last[0] - first[0])
    if (Math.abs(y - wanted) > worst) [worst, at] = [Math.abs(y - wanted), i]
  })
  if (worst <= 0.2) return [first, last]
  return [...thinned(points.slice(0, at + 1)), ...thinned(points.slice(at)).slice(1)]
}
