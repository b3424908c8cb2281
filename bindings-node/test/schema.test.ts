// The types have exactly the fields that the JSON Schema of definitions has, and those of events and summaries.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { schema } from 'windlass'

const FIXTURES = path.join(import.meta.dirname, '..', 'fixtures')
const read = (file: string) => JSON.parse(readFileSync(path.join(FIXTURES, file), 'utf8'))

const declarations = createRequire(import.meta.url)
  .resolve('windlass')
  .replace(/\.js$/, '.d.ts')
const options: ts.CompilerOptions = { module: ts.ModuleKind.NodeNext, strict: true, types: ['node'] }
const program = ts.createProgram([declarations], options)
const checker = program.getTypeChecker()
const source = program.getSourceFile(declarations)!
const exported = new Map(
  checker.getExportsOfModule(checker.getSymbolAtLocation(source)!).map((symbol) => [symbol.name, symbol]),
)

function typeOf(name: string): ts.Type {
  const symbol = exported.get(name)
  if (symbol === undefined) throw new Error(`the package has no type ${name}`)
  const origin = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
  return checker.getDeclaredTypeOfSymbol(origin)
}

/** The properties of a type; of a union those of all its members. */
function properties(type: ts.Type): string[] {
  const members = type.isUnion() ? type.types : [type]
  return [...new Set(members.flatMap((member) => member.getProperties().map((property) => property.name)))].sort()
}

/** The types whose names are not those of the schema. */
const NAMED: Record<string, string> = { Parameter: 'ParameterDocument', Stage: 'StageDocument', Task: 'TaskDocument' }
/** Types that stand inside of another one and have no name. */
const INSIDE: Record<string, (schedule: ts.Type) => ts.Type> = {
  Weekly: (schedule) => property(schedule, 'weekly'),
  Monthly: (schedule) => property(schedule, 'monthly'),
}

function property(type: ts.Type, name: string): ts.Type {
  const members = type.isUnion() ? type.types : [type]
  const found = members.map((member) => member.getProperty(name)).find((symbol) => symbol !== undefined)
  return checker.getNonNullableType(checker.getTypeOfSymbol(found!))
}

interface Part {
  properties?: Record<string, unknown>
}
const parts = Object.entries(schema().$defs as Record<string, Part>).filter(([, part]) => part.properties !== undefined)

describe('documents', () => {
  test('a pipeline has the fields of the schema', () => {
    expect(properties(typeOf('PipelineDocument'))).toEqual(Object.keys(schema().properties as object).sort())
  })

  test.each(parts)('%s has the fields of the schema', (name, part) => {
    const type = INSIDE[name]?.(typeOf('Schedule')) ?? typeOf(NAMED[name] ?? name)
    expect(properties(type)).toEqual(Object.keys(part.properties!).sort())
  })
})

describe('what the core says', () => {
  const events = read('events.json') as Record<string, unknown>[]
  const kinds = new Map<string, ts.Type>()
  for (const member of (typeOf('Event') as ts.UnionType).types) {
    const type = checker.getTypeOfSymbol(member.getProperty('type')!)
    kinds.set((type as ts.StringLiteralType).value, member)
  }

  test.each(events.map((event) => [event.type as string, event] as const))('%s has a type', (name, event) => {
    const optional = name === 'log' ? ['textBase64'] : []
    expect(properties(kinds.get(name)!)).toEqual([...Object.keys(event), ...optional].sort())
  })

  test('no type of an event is for nothing', () => {
    expect([...kinds.keys()].sort()).toEqual(events.map((event) => event.type as string).sort())
  })

  test('summaries have all that the core says', () => {
    const summary = read('summary.json')
    expect(properties(typeOf('RunSummary'))).toEqual(Object.keys(summary).sort())
    const [task] = summary.tasks
    expect(properties(typeOf('TaskSummary'))).toEqual(Object.keys(task).sort())
    expect(properties(typeOf('TestSummary'))).toEqual(Object.keys(task.tests).sort())
    expect(properties(typeOf('FailedTest'))).toEqual(Object.keys(task.tests.failures[0]).sort())
    expect(properties(typeOf('Annotation'))).toEqual(
      [...new Set(['column', ...Object.keys(task.annotations[0])])].sort(),
    )
    expect(properties(typeOf('StoredArtifact'))).toEqual(Object.keys(task.artifacts[0]).sort())
  })

  test('steps have all that the core says', () => {
    const step = read('step.json')
    expect(properties(typeOf('StepSpec'))).toEqual(Object.keys(step).sort())
    expect(properties(property(typeOf('StepSpec'), 'container'))).toEqual(Object.keys(step.container).sort())
  })
})

/** The instance's and the class's own members. */
function members(name: string): string[] {
  const symbol = exported.get(name)!
  const origin = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
  const own = [...typeOf(name).getProperties(), ...checker.getTypeOfSymbol(origin).getProperties()]
  const names = own.map((property) => property.name).filter((word) => !/^(__|#|prototype$)/.test(word))
  return [...new Set(names)].sort()
}

interface Names {
  both: string[]
  typescript?: string[]
}

describe('classes have the same names as in Python', () => {
  test.each(Object.entries(read('names.json') as Record<string, Names>))('%s', (name, { both, typescript = [] }) => {
    expect(members(name)).toEqual([...both, ...typescript].sort())
  })
})
