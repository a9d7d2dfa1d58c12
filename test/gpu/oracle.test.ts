// The library's shaders against values and gradients computed by PyTorch: the reference cases of ../oracle on a device.
import { existsSync, readdirSync } from "node:fs"
import { pathToFileURL } from "node:url"
import { beforeAll, describe, expect, test } from "vitest"
import { adapters } from "../oracle/adapters.ts"
import { type Case, byKernel, isLarge, judgeOnDevice, readCases } from "../oracle/harness.ts"
import { describeGpu, gpuDevice } from "./device.ts"

const named = process.env["LOSSC_ORACLE"]
const all = named
  ? pathToFileURL(`${named.replace(/\/$/, "")}/`)
  : new URL("../../../shared/oracle/", import.meta.url)
const folder = existsSync(all) ? all : new URL("../oracle/cases/", import.meta.url)
const only = process.env["LOSSC_ORACLE_ONLY"]?.split(",")
const isFull = Boolean(process.env["LOSSC_GPU_ALL"])

/** A software device compiles slowly: of each loss the kernel that serves most cases is run, and all with `LOSSC_GPU_ALL=1`. */
function chosen(groups: readonly (readonly Case[])[]): readonly (readonly Case[])[] {
  if (isFull) return groups
  const byLoss = new Map<unknown, readonly Case[]>()
  for (const group of groups) {
    const op = group[0]!.params?.["op"]
    if (group.length > (byLoss.get(op)?.length ?? 0)) byLoss.set(op, group)
  }
  return [...byLoss.values()]
}

describeGpu(() => {
  let device: GPUDevice
  beforeAll(async () => {
    device = await gpuDevice()
  })

  const files = readdirSync(folder).filter(
    (name) =>
      name.endsWith(".json") && name !== "index.json" && (!only || only.includes(name.replace(".json", ""))),
  )
  describe.each(files.sort())("%s", (file) => {
    const { loss, cases } = readCases(new URL(file, folder))
    const adapter = adapters[loss]!
    const judged = cases.filter((one) => !adapter.leave?.(one) && (isFull || !isLarge(one)))
    // What is refused needs no shader.
    const refused = judged.filter((one) => one.error)

    const wrongIn = async (cases: readonly Case[]): Promise<string[]> => {
      const verdicts = await judgeOnDevice(cases, adapter, device)
      return verdicts.flatMap((verdict, i) =>
        typeof verdict === "string" ? [] : verdict.map((line) => `${cases[i]!.name}: ${line}`),
      )
    }

    test("agrees with the reference", { timeout: 300_000 }, async () => {
      const wrong: string[] = []
      const accepted = judged.filter((one) => !one.error)
      for (const group of chosen(byKernel(accepted, adapter))) wrong.push(...(await wrongIn(group)))
      expect(wrong.join("\n")).toBe("")
    })

    if (refused.length > 0)
      test("refuses what it should", async () => {
        for (const one of refused) expect((await wrongIn([one])).join("\n")).toBe("")
      })
  })
})
