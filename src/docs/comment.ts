// Reads the documentation comment of a loss.
//
// The first paragraph says what it is for; its first sentence is what lists show. The second says where it comes from, and
// names PyTorch's loss (`torch.nn.HuberLoss`) if there is one. Lines `example: call = value` are examples, and a line
// `curve: call for x in low .. high` says what the catalogue draws.

/** What a documentation comment says. */
export interface Comment {
  /** One sentence. */
  readonly about: string
  /** What it is for, and what there is to know: the paragraphs but for the source. */
  readonly text: readonly string[]
  /** The paper or the library that it comes from, and how it follows it. */
  readonly source: string | undefined
  /** PyTorch's name. */
  readonly torch: string | undefined
  readonly examples: readonly string[]
  readonly curve: string | undefined
}

/** Reads the text of a comment, without the slashes. */
export function readComment(doc: string): Comment {
  const lines = doc.split("\n").map((line) => line.trim())
  const said = (word: string): string[] =>
    lines.filter((line) => line.startsWith(`${word}: `)).map((line) => line.slice(word.length + 2))
  const paragraphs = lines
    .filter((line) => !/^(example|curve): /.test(line))
    .join("\n")
    .split(/\n\n+/)
    .map((text) => text.replaceAll("\n", " ").trim())
    .filter((text) => text !== "")
  const [first = "", source, ...more] = paragraphs
  return {
    about: /^.*?[.](?=\s|$)/.exec(first)?.[0] ?? first,
    text: [first, ...more].filter((text) => text !== ""),
    source,
    torch: /\btorch\.nn\.(?:functional\.)?\w+/.exec(source ?? "")?.[0],
    examples: said("example"),
    curve: said("curve")[0],
  }
}
