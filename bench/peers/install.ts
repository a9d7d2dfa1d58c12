// Libraries to compare with are no dependencies: they are loaded from where they were installed for the occasion.
import { createRequire } from "node:module"
import { pathToFileURL } from "node:url"

/** What npm installs for each side. */
export const packages: Readonly<Record<string, readonly string[]>> = {
  jax: ["@jax-js/jax@0.1.25"],
  tensorflow: ["@tensorflow/tfjs@4.22.0", "@tensorflow/tfjs-backend-wasm@4.22.0"],
}

/** The name of a package without its version. */
const nameOf = (pack: string): string => pack.slice(0, pack.lastIndexOf("@"))

const pathOf = (pack: string, folder: string): string => createRequire(`${folder}/`).resolve(nameOf(pack))

/** Those of a side that are not below the folder. */
export const missing = (side: string, folder: string): readonly string[] =>
  (packages[side] ?? []).filter((pack) => {
    try {
      return pathOf(pack, folder) === ""
    } catch {
      return true
    }
  })

// The types of packages that are not there.
// oxlint-disable-next-line typescript/no-explicit-any
export type Any = any

/** The packages of a side, loaded. */
export const load = (side: string, folder: string): Promise<Any[]> =>
  Promise.all(packages[side]!.map((pack) => import(pathToFileURL(pathOf(pack, folder)).href)))
