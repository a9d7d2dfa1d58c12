// Turns the name and the header of a library loss into a loss that is compiled when it is first used.
import { compileSource } from "./compile.ts"
import type { HeadersOf } from "./header-types.ts"
import { Loss } from "./index.ts"
import { libraryLosses, libraryTexts } from "./stdlib.generated.ts"

/** The library's loss of this name, typed by its header. */
export function library<const S extends string>(name: string, _header: S): Loss<HeadersOf<S>> {
  return new Loss(name, () => {
    const { file } = libraryLosses.find((loss) => loss.name === name)!
    // The functions of the file are in scope everywhere, so the declaration can be compiled alone.
    return compileSource(declarationOf(name, libraryTexts[file]!), { file: `lossc:${file}` })[0]!
  })
}

/** The text of one loss with its documentation: up to the empty line before the next declaration. */
function declarationOf(name: string, text: string): string {
  const lines = text.split("\n")
  let start = lines.findIndex((line) => line.startsWith("loss ") && /^\w+/.exec(line.slice(5))?.[0] === name)
  let end = start + 1
  while (end < lines.length && !/^(loss|def|use|\/\/)/.test(lines[end]!)) end++
  while (lines[start - 1]?.startsWith("///")) start--
  return lines.slice(start, end).join("\n").trimEnd() + "\n"
}
