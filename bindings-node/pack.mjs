// Packs what is built: the package `windlass`, and the one with the compiled core for this platform. `scripts/build-node` calls it.
//
//   node pack.mjs --library LIBRARY --platform NAME --out FOLDER
//
// What the npm registry will have is made here, so that nothing in the source tree depends on packages that are not published yet.

import { execFileSync } from 'node:child_process'
import { copyFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

/** Every platform that has a package, with what npm must know to choose it. */
export const PLATFORMS = {
  'darwin-arm64': { os: ['darwin'], cpu: ['arm64'] },
  'darwin-x64': { os: ['darwin'], cpu: ['x64'] },
  'linux-arm64-gnu': { os: ['linux'], cpu: ['arm64'], libc: ['glibc'] },
  'linux-arm64-musl': { os: ['linux'], cpu: ['arm64'], libc: ['musl'] },
  'linux-x64-gnu': { os: ['linux'], cpu: ['x64'], libc: ['glibc'] },
  'linux-x64-musl': { os: ['linux'], cpu: ['x64'], libc: ['musl'] },
  'win32-x64-msvc': { os: ['win32'], cpu: ['x64'] },
}

const here = path.dirname(fileURLToPath(import.meta.url))
const { values } = parseArgs({
  options: { library: { type: 'string' }, platform: { type: 'string' }, out: { type: 'string' } },
})
const { library, platform, out } = values
if (!library || !out || !Object.hasOwn(PLATFORMS, platform)) {
  console.error(`usage: node pack.mjs --library LIBRARY --platform ${Object.keys(PLATFORMS).join('|')} --out FOLDER`)
  process.exit(2)
}

const source = JSON.parse(readFileSync(path.join(here, 'package.json'), 'utf8'))
const { name, description, license, repository, engines } = source
// One version for the crate, the wheel and the npm packages.
const { version } = /^\[workspace\.package\]\nversion = "(?<version>[^"]+)"$/m.exec(
  readFileSync(path.join(here, '..', 'Cargo.toml'), 'utf8'),
).groups

/** Writes a package's files into an empty folder and packs them. */
function pack(packageJson, fill) {
  const folder = path.join(out, packageJson.name)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  writeFileSync(path.join(folder, 'package.json'), `${JSON.stringify(packageJson, null, 2)}\n`)
  copyFileSync(path.join(here, '..', 'LICENSE'), path.join(folder, 'LICENSE'))
  fill(folder)
  // On Windows npm is a batch file, which needs a shell, and no argument may need quotes: so the folder is named from beside it.
  execFileSync('npm', ['pack', '--silent', `./${packageJson.name}`], {
    cwd: out,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  })
}

const core = `${name}-${platform}`
const about = { version, license, repository, engines }
pack(
  { name: core, description: `${description} (${platform})`, ...about, ...PLATFORMS[platform], main: 'windlass.node' },
  (folder) => {
    copyFileSync(library, path.join(folder, 'windlass.node'))
  },
)

const optionalDependencies = Object.fromEntries(Object.keys(PLATFORMS).map((each) => [`${name}-${each}`, version]))
const { devDependencies: _, scripts: __, private: ___, ...published } = source
pack({ ...published, version, optionalDependencies }, (folder) => {
  for (const part of ['bin', 'dist', 'README.md'])
    cpSync(path.join(here, part), path.join(folder, part), { recursive: true })
})
