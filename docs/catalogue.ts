// The library -> the files of the catalogue: an index, a page for each family, and a picture for each loss.
import { entryOf } from "../src/docs/entry.ts"
import { type Loss, LossError, checkedOf } from "../src/index.ts"
import * as library from "../src/stdlib.ts"
import { libraryLosses, libraryTexts } from "../src/stdlib.generated.ts"
import { type Family, type Item, familyPage, indexPage } from "./markdown.ts"
import { type Slice, slicesOf, writeSlice } from "./slice.ts"
import { draw } from "./svg.ts"
import { type Curve, trace } from "./trace.ts"

/** The files of the catalogue by their paths below `docs/`. */
export function catalogue(): ReadonlyMap<string, string> {
  const files = new Map<string, string>()
  const families = Object.keys(libraryTexts)
    .map((file): Family => {
      const losses = libraryLosses.filter((loss) => loss.file === file)
      const family = file.replace(/\.loss$/, "")
      const items = losses.map(({ name }) => item(name, family, files))
      return { name: family, about: firstComment(libraryTexts[file]!), items }
    })
    .filter(({ items }) => items.length > 0)
  files.set("losses.md", indexPage(families))
  for (const family of families) files.set(`losses/${family.name}.md`, familyPage(family))
  return files
}

/** The entry of one loss; its picture goes to the files. */
function item(name: string, family: string, files: Map<string, string>): Item {
  const loss = (library as unknown as Readonly<Record<string, Loss>>)[name]!
  const checked = checkedOf(loss)
  const entry = entryOf(checked)
  const { slice, curves } = telling(loss, slicesOf(entry, checked))
  const { low, high } = slice
  files.set(`curves/${name}.svg`, draw({ title: writeSlice(slice), low, high, curves }))
  return { entry, family, slice }
}

/** The first slice along which the loss changes nearly everywhere. */
function telling(loss: Loss, slices: readonly Slice[]): { slice: Slice; curves: readonly Curve[] } {
  let best: { slice: Slice; curves: readonly Curve[]; part: number } | undefined
  for (const slice of slices) {
    const curves = traced(loss, slice, slices.length === 1)
    if (!curves) continue
    const rates = curves.flatMap(({ values, slopes }) =>
      slopes.map((slope, i) => (Number.isFinite(values[i]) ? Math.abs(slope) : 0)),
    )
    const part = rates.filter((rate) => rate > 1e-3).length / rates.length
    if (!best || part > best.part + 0.1) best = { slice, curves, part }
    if (best.part > 0.6) break
  }
  if (!best) throw new Error(`there is nothing to draw of ${loss.name}`)
  return best
}

/** The curves of a slice; undefined if the loss refuses it, unless it is the only one. */
function traced(loss: Loss, slice: Slice, isOnly: boolean): readonly Curve[] | undefined {
  try {
    return trace(loss, slice)
  } catch (error) {
    if (isOnly || !(error instanceof LossError)) throw error
    return undefined
  }
}

/** What a file of the library says about itself. */
const firstComment = (text: string): string =>
  /^(?:\/\/ .*\n)+/
    .exec(text)?.[0]
    .replace(/^\/\/ /gm, "")
    .replaceAll("\n", " ")
    .trim() ?? ""
