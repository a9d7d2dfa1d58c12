// Turns the name and the header of a library loss into a loss that is compiled when it is first used.
import { compileSource } from "./compile.ts"
import type { HeadersOf } from "./header-types.ts"
import { Loss } from "./index.ts"
import { libraryLosses, libraryTexts } from "./stdlib.generated.ts"

/** The library's loss of this name, typed by its header. */
export function library<const S extends string>(name: string, _header: S): Loss<HeadersOf<S>> {
  return new Loss(name, () => {
    const { file } = libraryLosses.find((loss) => loss.name === name)!
    return compileSource(libraryTexts[file]!, { file: `lossc:${file}` }).find((loss) => loss.name === name)!
  })
}
