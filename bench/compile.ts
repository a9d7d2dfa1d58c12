// How long the compiler takes: from the text of each library loss to a callable kernel with all gradients.
import { compile } from "lossc"
import * as library from "lossc/stdlib"
import type { Loss } from "lossc"
import { Bench } from "tinybench"
import { libraryLosses } from "../src/stdlib.generated.ts"

/** Median time of each loss of the library whose name has the word, in ms, after a warm-up over all of them. */
export async function compileTimes(only: string): Promise<{ name: string; ms: number }[]> {
  const wanted = libraryLosses.filter(({ name }) => name.toLowerCase().includes(only.toLowerCase()))
  const bench = new Bench({ time: 150, iterations: 10, warmupTime: 50, warmupIterations: 5 })
  for (const { name } of wanted) {
    const { source } = (library as unknown as Readonly<Record<string, Loss>>)[name]!
    bench.add(name, () => {
      compile(source).kernel({ target: "js", dtype: "f32", reduction: "mean", grad: "all" })
    })
  }
  await bench.run()
  return bench.tasks.map(({ name, result }) => {
    if (!("latency" in result))
      throw new Error(`${name} did not compile: ${"error" in result ? String(result.error) : result.state}`)
    return { name, ms: result.latency.p50 }
  })
}
