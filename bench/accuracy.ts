// `npm run accuracy`: how far every loss of the library and its gradients are from the exact values. Prints a table and writes
// docs/accuracy.md.
import { writeFileSync } from "node:fs"
import { checkedOf, type Loss } from "../src/index.ts"
import * as library from "../src/stdlib.ts"
import { goal } from "./accuracy/measure.ts"
import { compare, libraries, packages } from "./accuracy/others.ts"
import { describe, type Survey, survey, targets, type Worst } from "./accuracy/survey.ts"

const titles = { js: "JavaScript", wasm: "WebAssembly" } as const

/** The columns of each target. */
const columns = ["f64 value", "f64 gradient", "f32 value", "f32 gradient"] as const
const kinds = targets.flatMap((target) => columns.map((column) => `${target} ${column}` as const))

const [only = "", turns = "2"] = process.argv.slice(2)
const losses = Object.values(library as unknown as Record<string, Loss>).filter(
  ({ name }) => !only || name === only,
)

/** One digit after the point, powers of ten where that says nothing. */
function short(x: number | undefined): string {
  if (x === undefined) return ""
  if (x === Infinity) return "inf"
  return x >= 1000 ? x.toExponential(0).replace("+", "") : x.toFixed(1)
}

/** The largest of numbers that may be missing. */
const worstOf = (list: readonly (number | undefined)[]): number | undefined =>
  list.reduce((x, y) => (x === undefined || y! > x ? y : x))

const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`

const surveys: Survey[] = []
for (const loss of losses) {
  const found = survey(checkedOf(loss), Number(turns))
  surveys.push(found)
  console.log(
    [loss.name.padEnd(30), ...kinds.map((kind) => short(found.worst[kind]?.ulps).padStart(8))].join(" "),
  )
}

const table = surveys.map(({ name, worst, own }) =>
  row([
    `\`${name}\``,
    ...kinds.map((kind) => short(worst[kind]?.ulps)),
    ...(["f64 value", "f64 gradient"] as const).map((column) =>
      short(worstOf(targets.map((target) => own[`${target} ${column}`]?.own))),
    ),
  ]),
)

/** A number of a loss and the exact one. */
const shown = (loss: string, { kind, name, found, exact, at }: Worst): string =>
  `\`${loss}\`, ${kind}${name === "loss" ? "" : ` by \`${name}\``}: ${found} for ${exact} at ${describe(at)}`

/** Where a loss is worst, if that is beyond the goal. */
const beyond = ({ name, worst }: Survey, target?: (typeof targets)[number]): string[] =>
  Object.values(worst)
    .filter(({ kind, ulps }) => !(ulps <= goal) && (!target || kind.startsWith(target)))
    .map((one) => `- ${short(one.ulps)} units, ${shown(name, one)}`)

const listed = (lines: readonly string[]): string => (lines.length === 0 ? "None." : lines.join("\n"))

const overflows = surveys.flatMap(({ name, overflow, overflows }) =>
  overflow ? [`- ${overflows} numbers, ${shown(name, overflow)}`] : [],
)
const total = (count: (one: Survey) => number): number => surveys.reduce((sum, one) => sum + count(one), 0)
const misses = targets.map(
  (target) => `### ${titles[target]}\n\n${listed(surveys.flatMap((one) => beyond(one, target)))}`,
)

/** The losses that other libraries have, by all of them. */
async function beside(): Promise<string> {
  const others = await libraries()
  if (others.length === 0) {
    console.log(`no other libraries: npm install --no-save ${packages.join(" ")}`)
    return "Not measured in this run: the libraries were not installed."
  }
  const names = ["lossc", ...others.map((one) => one.name)]
  const lines = [
    row(["loss", ...names.flatMap((name) => [`${name} value`, `${name} gradient`])]),
    row(["---", ...names.flatMap(() => ["---:", "---:"])]),
  ]
  for (const loss of losses) {
    if (others.every((one) => !one.losses[loss.name])) continue
    const found = await compare(checkedOf(loss), others, 6)
    const cells = names.flatMap((name) => [short(found.get(name)?.value), short(found.get(name)?.gradient)])
    lines.push(row([`\`${loss.name}\``, ...cells]))
  }
  console.log(lines.join("\n"))
  return lines.join("\n")
}

const besides = await beside()

const text = `# How exact the losses are

Made by \`npm run accuracy\`, on Node ${process.versions.node} (V8 ${process.versions.v8}).

Every loss of the library is computed by its kernels, in JavaScript and in WebAssembly, and, from the text of its formula
without any rewriting, in binary floating-point of 128 to 1400 bits, until two precisions agree. Over f32 memory JavaScript
computes in f64 and WebAssembly in f32, apart from sums. The arguments are drawn from the signature of each loss: ordinary
numbers, sizes from 1e-45 to 1e4, ties, zeros, near-equal arguments, confident scores, infinities, ends of domains, extreme
options, batches of up to nine rows; ${total((x) => x.cases)} calls and ${total((x) => x.numbers)} numbers of both targets in all. The gradients are
by every real argument and option. Constants of the text, such as \`log(2)\`, are rounded to doubles on both sides.

The error is in units of the last place of the exact value (0.5 is rounding), f32 against f32 memory. Where it is above ${goal}
the terms of the value may cancel; then the unit is the largest of

- what the exact value changes by when the arguments change by half a unit in their last place,
- a unit in the last place of the sizes of the terms of the formula, together: through sums, products, selections and
  exponentials, but not through roots and powers, whose arguments a kernel must know to the last digit, and through logarithms
  only where the terms of the argument are more than twice as large as it is.

Results below the smallest normal number, 2.2e-308 or in f32 1.2e-38, come from terms that are rounded as that one is.

That concerned ${total((x) => x.cancelled)} numbers. The last two columns, the worse of both targets, are without the second allowance: how
far results that are much smaller than their terms keep digits of their own. "inf" there is a derivative that is exactly 0
and comes out as the rounding of its terms. Derivatives are not compared where a kink is nearer than the rounding of its terms.

${row(["loss", ...kinds, "f64 value, own digits", "f64 gradient, own digits"])}
${row(["---", ...kinds.map(() => "---:"), "---:", "---:"])}
${table.join("\n")}

## Beside other libraries

${packages.map((name) => `\`${name}\``).join(" and ")}, with their own functions of the names or, in jax-js, those its users would
write the loss with. All in f32 memory, on the same places, the mean and its gradient by the first argument. The unit is the last
place of the exact value, or what changes when the arguments change by half a unit in their last place; "inf" is a result that is
NaN or infinite where the exact one is not. Derivatives that are exactly 0 are left out: at a kink they are a matter of choice.

${besides}

## Without a finite value

Something on the way is beyond the range of doubles or, in WebAssembly, of f32, though the result is not; here at the first such place.

${listed(overflows)}

## Beyond ${goal} units

${misses.join("\n\n")}
`

if (!only)
  writeFileSync(
    new URL(
      import.meta.url.includes("/dist/") ? "../../docs/accuracy.md" : "../docs/accuracy.md",
      import.meta.url,
    ),
    text,
  )
else console.log(surveys.flatMap((one) => beyond(one)).join("\n"))
