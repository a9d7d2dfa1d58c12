// What the profile of a row means, in words, by row. Numbers stay in the profile, which is measured.

const registers =
  "C computes eight or sixteen numbers at once and fuses each multiplication of a polynomial with an addition; WebAssembly has " +
  "vectors of four, and fuses only by the option `relaxed`, in engines that can, Node 20 not without a flag. The line of C in 128 " +
  "bits shows how much of the distance that is. The functions of the kernel also hold for infinite, huge and missing arguments, " +
  "and to 2 to 4 units of the last place; those of the loop in C are for ordinary numbers."

const memory =
  "At the largest size the arrays have to pass through the caches whatever computes: where the kernel, C and memory are close " +
  "together, fewer instructions would gain nothing, and a second thread shares the same memory; no loop can then be faster than " +
  "the one by hand by more than C is. About half of the " +
  "instructions are shifts and additions of addresses, since this WebAssembly has no scaled index; they matter for arrays " +
  "that fit into a cache, as the table of growth shows."

export const explanations: Readonly<Record<string, string>> = {
  mse: memory,
  triplet: memory,
  bce: `One exponential, one logarithm and a division an element, all in registers; memory is far from busy. ${registers}`,
  "cross-entropy":
    "Three passes over each row, which stays in the first cache: the largest logit; the exponentials, their sum without the " +
    "largest, and how many equal it, so that the loss of a row that is nearly right keeps its digits; the gradients. " +
    registers,
  focal: `As cross-entropy: the gradient of a row is that of its label times one number. ${registers}`,
  dice: `Exponentials and divisions in registers, twice over arrays of one image and class. ${registers}`,
  infoNce:
    "Scores and both gradients are 3 multiplications and 3 additions for each of the 128 columns of a pair, 192 vector " +
    "instructions without fusing: 64 cycles where three of them start in each, which the loops of C reach in 128 bits. Each of the " +
    "three products takes about 28 cycles here, in functions of their own, so that V8 keeps their sums in registers, and 21 to 25 " +
    "in WebAssembly written by hand. The rest is the " +
    "softmax, in doubles, because the largest score and that of the pair itself cancel, and sums of f32 added to sums of f64. " +
    "Keys packed in panels would save a tenth of the first product, the sums across a vector, and lose it again where sums of " +
    "f32 are added to doubles every 32 columns.",
  giou:
    "Four rows of 4 are loaded as they lie and turned, so that each vector holds one side of four boxes; branches run if one of the " +
    "four takes them.",
  ctc:
    "The kernel adds logarithms of probabilities along the frames, exact for any logits: two exponentials and a logarithm for each " +
    "label of each frame, one of each for each blank, in doubles, two to a vector; backward it multiplies by what it kept of them. " +
    "The loops by hand add probabilities that each frame scales to 1, which is cheaper and loses paths less likely than the " +
    "smallest number.",
}
