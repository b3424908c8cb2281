// Writes docs/reference/node.md from the types of the package. `scripts/reference` calls it; `--check` only looks whether it is up to date.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import ts from 'typescript'

const here = import.meta.dirname
const page = path.join(here, '..', 'docs', 'reference', 'node.md')
const HEADER = `# Windlass in Node: the reference

Made by \`scripts/reference\` from the types of the package; do not change it here. The guide is [Windlass in Node](../node.md).
`
/** The files of the package by chapter. */
const CHAPTERS = {
  'Engines and runs': [
    'engine',
    'run',
    'pipelines',
    'options',
    'stream',
    'sse',
    'control',
    'reader',
    'restore',
    'artifacts',
  ],
  Definitions: ['pipeline', 'builders', 'document', 'container', 'trigger', 'editor', 'plan'],
  'Events, and what the engine says': ['events'],
  'Logs and metrics': ['logger', 'metrics'],
  Credentials: ['credential', 'credentials'],
  'Clusters, repositories, registries': ['clusters', 'sources', 'registries'],
  'Executors and actions': ['executors', 'executor', 'action'],
  Errors: ['errors'],
  'windlass/testing': ['testing'],
}

/** The declarations as the package has them, by file, and the names that it exports. */
function compiled() {
  const { config } = ts.readConfigFile(path.join(here, 'tsconfig.json'), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, here)
  const roots = ['index.ts', 'testing.ts'].map((file) => path.join(here, 'ts', file))
  const program = ts.createProgram(roots, {
    ...options,
    declaration: true,
    emitDeclarationOnly: true,
    stripInternal: true,
  })
  const files = new Map()
  program.emit(undefined, (name, text) => {
    if (name.endsWith('.d.ts')) files.set(path.basename(name, '.d.ts'), text)
  })
  const checker = program.getTypeChecker()
  const names = roots.flatMap((root) =>
    checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(root))).map((symbol) => symbol.name),
  )
  return { files, names: new Set(names) }
}

/** What a statement is called that declares something. */
function nameOf(statement) {
  if (ts.isVariableStatement(statement)) return statement.declarationList.declarations[0]?.name.getText()
  return statement.name?.getText()
}

/** The declaration without what only the package itself sees. */
function shown(statement) {
  const text = statement.getFullText().trim()
  return text
    .replace(/^\s*(#private;|private constructor.*;|private readonly.*;)\n/gm, '')
    .replace(/^ {4}/gm, '  ')
    .replace(/export (declare )?/g, '')
}

function written() {
  const { files, names } = compiled()
  const lines = [HEADER]
  const missing = new Set(names)
  for (const [chapter, chosen] of Object.entries(CHAPTERS)) {
    lines.push(`## ${chapter}`, '')
    for (const file of chosen) {
      const source = ts.createSourceFile(`${file}.d.ts`, files.get(file), ts.ScriptTarget.Latest, true)
      const seen = new Set()
      for (const statement of source.statements) {
        const name = nameOf(statement)
        if (name === undefined || !names.has(name)) continue
        missing.delete(name)
        // The forms of one function stand together.
        if (seen.has(name)) lines.splice(-2, 2, shown(statement), '```', '')
        else lines.push(`### ${name}`, '', '```ts', shown(statement), '```', '')
        seen.add(name)
      }
    }
  }
  if (missing.size > 0) throw new Error(`no chapter has ${[...missing].join(', ')}`)
  return `${lines.join('\n').trimEnd()}\n`
}

const made = written()
if (!process.argv.includes('--check')) {
  mkdirSync(path.dirname(page), { recursive: true })
  writeFileSync(page, made)
} else if (!existsSync(page) || readFileSync(page, 'utf8') !== made) {
  console.error(`error: ${page} does not say what the package has: run scripts/reference`)
  process.exit(1)
}
