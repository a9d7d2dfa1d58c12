// The tour behind `npm start`: compiles a loss and shows the kernel, checks seven losses, trains with one, sweeps its margin.
import { readFileSync } from "node:fs"
import { compile } from "lossc"
import { train, type Step } from "./embedding.ts"
import { sweep } from "./margin-sweep.ts"
import { runSeven } from "./seven.ts"

const live = process.stdout.isTTY === true && !process.env["CI"]
const bold = (text: string): string => (live && !process.env["NO_COLOR"] ? `\u001b[1m${text}\u001b[0m` : text)
const say = (text = ""): void => void process.stdout.write(`${text}\n`)
const heading = (text: string): void => say(`\n${bold(text)}\n`)

heading("1. A loss, as you write it: examples/triplet.loss")
const source = readFileSync("examples/triplet.loss", "utf8")
say(source.trimEnd())
const loss = compile(source, { file: "examples/triplet.loss" })

heading("2. What lossc derives from it: loss.explain()")
const options = { dtype: "f32", reduction: "mean", grad: ["a", "p", "n"] } as const
say(loss.explain(options).trimEnd())

heading("3. The fused kernel: its loops in the module that loss.emit() writes")
const text = loss.emit({ target: "js", ...options }).find(({ name }) => name.endsWith(".js"))!.text
const lines = text.trimEnd().split("\n")
const begin = lines.findIndex((line) => line.includes("function makeKernel"))
const end = lines.indexOf("}", begin)
say(lines.slice(begin, end + 1).join("\n"))
say(
  `\n// ${lines.length - (end + 1 - begin)} more lines check arguments and buffers; \`npx lossc compile examples/triplet.loss\` prints all.`,
)

heading("4. Seven common losses, each gradient against finite differences")
say("loss                            value        entries   largest error")
let wrong = 0
for (const { title, value, error, entries } of runSeven()) {
  const fine = error < 1e-6
  if (!fine) wrong++
  say(
    `${title.padEnd(30)}  ${value.toFixed(8).padStart(12)} ${String(entries).padStart(8)}   ${error.toExponential(1)}  ${fine ? "ok" : "WRONG"}`,
  )
}

heading("5. Training a 16 -> 2 embedding with the triplet kernel, batches of 256")
const steps = 300
let first: Step | undefined
let last: Step | undefined
for (const now of train(loss, steps)) {
  first ??= now
  last = now
  const line = `step ${String(now.step).padStart(3)}  loss ${now.loss.toFixed(4)}  nearer to the positive ${(100 * now.right).toFixed(0)} %`
  if (live) {
    const filled = Math.round((24 * now.step) / steps)
    process.stdout.write(`\r\u001b[2K${"█".repeat(filled)}${"░".repeat(24 - filled)} ${line}`)
  } else if (now.step === 1 || now.step % 50 === 0) say(line)
}
if (live) say()
const learned = first && last && last.loss < first.loss / 2
say(`the loss fell from ${first?.loss.toFixed(4)} to ${last?.loss.toFixed(4)}`)

heading("6. Ten margins, one kernel")
for (const { margin, loss: mean, active } of sweep())
  say(
    `margin ${margin.toFixed(1)}  loss ${mean.toFixed(4)}  active rows ${"■".repeat(Math.round(30 * active))} ${(100 * active).toFixed(0)} %`,
  )

if (wrong > 0 || !learned) {
  say(`\n${wrong > 0 ? `${wrong} gradients are wrong` : "the loss did not fall"}`)
  process.exitCode = 1
}
