// The page of examples/browser in a headless Chromium: it trains, on the GPU and without one, and paints what it does.
import type { AddressInfo } from "node:net"
import { expect, test } from "vitest"
import { serve } from "../../examples/browser/serve.ts"
import { launch } from "./chromium.ts"
import { describeGpu } from "./device.ts"

/** The pixels of a canvas that are not white or empty, and a number that changes when they do. */
const pixels = (id: string): string => `{
  const { data } = document.getElementById("${id}").getContext("2d").getImageData(0, 0, 480, 120)
  let sum = 0, painted = 0
  for (let i = 3; i < data.length; i += 4) if (data[i] > 0) { painted++; sum = (sum * 31 + i) % 1000003 }
  ;({ sum, painted })
}`

describeGpu(() => {
  test.each([
    ["on the GPU", ["--enable-unsafe-webgpu"]],
    ["in JavaScript", []],
  ])(
    "the page trains %s",
    async (where, args) => {
      const browser = await launch(...args)
      const server = await serve(new URL("../../examples/browser/", import.meta.url), 0)
      try {
        const page = await browser.newPage()
        const faults: string[] = []
        page.on("pageerror", (error) => faults.push(String(error)))
        await page.goto(`http://localhost:${(server.address() as AddressInfo).port}`)
        const text = (id: string) => page.evaluate<string>(`document.getElementById("${id}").textContent`)
        await page.waitForSelector('#step:not(:text-is("0"))', { timeout: 60_000 })
        const first = {
          points: await page.evaluate<{ sum: number }>(pixels("points")),
          loss: Number(await text("loss")),
        }
        await page.waitForSelector("body[data-done]", { timeout: 120_000 })
        expect(faults).toEqual([])
        expect(await text("where")).toContain(where)
        expect((await page.evaluate<{ sum: number }>(pixels("points"))).sum).not.toBe(first.points.sum)
        expect((await page.evaluate<{ painted: number }>(pixels("curve"))).painted).toBeGreaterThan(300)
        expect(first.loss).toBeGreaterThan(0.5)
        expect(Number(await text("loss"))).toBeLessThan(first.loss / 2)
      } finally {
        await browser.close()
        server.close()
      }
    },
    240_000,
  )
})
