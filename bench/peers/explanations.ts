// What the profile of a row means, in words, by row. Numbers stay in the profile, which is measured.

export const explanations: Readonly<Record<string, string>> = {}
