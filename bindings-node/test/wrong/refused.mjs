// Programs that are wrong, kept so that the types refuse them: each line under `// @refused CODE` must get that error of tsc, and
// nothing else may.

import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

const here = import.meta.dirname
const files = readdirSync(here).filter((file) => file.endsWith('.ts'))
const expected = files.flatMap((file) =>
  readFileSync(path.join(here, file), 'utf8')
    .split('\n')
    .flatMap((line, index) => {
      const code = /\/\/ @refused (TS\d+)/.exec(line)?.[1]
      return code === undefined ? [] : [`${file}:${index + 2} ${code}`]
    }),
)

function said() {
  const tsc = path.join(here, '../../../node_modules/typescript/bin/tsc')
  try {
    execFileSync(process.execPath, [tsc, '--project', path.join(here, 'tsconfig.json'), '--pretty', 'false'])
    return ''
  } catch (error) {
    return String(error.stdout)
  }
}

const found = [...said().matchAll(/^(?:.*\/)?([\w-]+\.ts)\((\d+),\d+\): error (TS\d+)/gm)].map(
  ([, file, line, code]) => `${file}:${line} ${code}`,
)
const missing = expected.filter((each) => !found.includes(each))
const surprising = found.filter((each) => !expected.includes(each))
if (expected.length === 0 || missing.length > 0 || surprising.length > 0) {
  console.error('not refused:', missing, 'refused without being expected:', surprising)
  process.exit(1)
}
console.log(`the types refuse all ${expected.length} mistakes in ${files.length} wrong programs`)
