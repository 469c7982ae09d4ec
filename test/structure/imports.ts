import ts from 'typescript'

/** One place where a file names another module. */
export interface Import {
  specifier: string
  line: number
}

/** Every module that a source names: import, export from, import(), require(), import type, import("x").Type. */
export function importsOf(path: string, source: string): Import[] {
  const file = ts.createSourceFile(path, source, ts.ScriptTarget.Latest, true)
  const found: Import[] = []
  const visit = (node: ts.Node): void => {
    const name = moduleNamed(node)
    if (name) {
      found.push({ specifier: name.text, line: file.getLineAndCharacterOfPosition(name.getStart(file)).line + 1 })
    }
    ts.forEachChild(node, visit)
  }
  visit(file)
  return found
}

function moduleNamed(node: ts.Node): ts.StringLiteralLike | undefined {
  return literal(expressionNaming(node))
}

function expressionNaming(node: ts.Node): ts.Node | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return node.moduleSpecifier
  if (ts.isExternalModuleReference(node)) return node.expression
  if (ts.isImportTypeNode(node)) return ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined
  if (ts.isCallExpression(node) && (isImportKeyword(node.expression) || isRequire(node.expression))) {
    return node.arguments[0]
  }
  return undefined
}

function isImportKeyword(node: ts.Node): boolean {
  return node.kind === ts.SyntaxKind.ImportKeyword
}

function isRequire(node: ts.Node): boolean {
  return ts.isIdentifier(node) && node.text === 'require'
}

function literal(node: ts.Node | undefined): ts.StringLiteralLike | undefined {
  return node && ts.isStringLiteralLike(node) ? node : undefined
}
