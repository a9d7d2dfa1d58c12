// A headless Chromium for tests of pages, from the npm packages that stand here.
import { createRequire } from "node:module"

const require = createRequire(import.meta.url)

export interface Page {
  goto(url: string): Promise<unknown>
  on(event: "pageerror", listener: (error: Error) => void): void
  evaluate<T>(text: string): Promise<T>
  waitForSelector(selector: string, options: { readonly timeout: number }): Promise<unknown>
}
export interface Browser {
  newPage(): Promise<Page>
  close(): Promise<void>
}
interface Playwright {
  readonly chromium: { launch(options: object): Promise<Browser> }
}
interface Packed {
  readonly default: { executablePath(): Promise<string> }
}

/** Starts a browser with more options on its command line. */
export async function launch(...args: readonly string[]): Promise<Browser> {
  const { chromium } = require("playwright-core") as Playwright
  const { default: packed } = (await import(require.resolve("@sparticuz/chromium"))) as Packed
  return chromium.launch({
    executablePath: await packed.executablePath(),
    headless: true,
    args: ["--no-sandbox", ...args],
  })
}
