// Imported before whatever has classes that are disposed: Node 20 gives these symbols to its own realm only, and not to the contexts that
// test runners make (vitest's vmThreads, jest). By these keys the helpers of compilers look for them, too.
for (const name of ['dispose', 'asyncDispose'] as const) {
  if (!(name in Symbol)) Object.defineProperty(Symbol, name, { value: Symbol.for(`Symbol.${name}`) })
}
