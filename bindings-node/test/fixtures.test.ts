// What Rust, Python and TypeScript agree on to the letter: tests/fixtures/README.md.

import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import * as windlass from 'windlass'
import {
  approve,
  buildImage,
  checkout,
  custom,
  deployChart,
  deployManifests,
  Engine,
  event,
  Pipeline,
  parameter,
  publishChart,
  runJob,
  schedule,
  script,
  stage,
  syncFiles,
  WindlassError,
} from 'windlass'
import { opened, refused, scriptOf, temporary } from './support.js'

const FIXTURES = path.join(import.meta.dirname, '..', 'fixtures')
const read = (file: string) => readFileSync(path.join(FIXTURES, file), 'utf8')
const names = (folder: string) =>
  readdirSync(path.join(FIXTURES, folder))
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => path.basename(file, '.yaml'))

const BUILT: Record<string, () => Pipeline> = {
  hello: () =>
    new Pipeline('hello', {
      stages: [
        stage('Test', {
          order: 'parallel',
          tasks: [script('unit', 'pytest', { image: 'python:3.12' }), script('lint', 'ruff check')],
        }),
      ],
    }),
  everything: () =>
    new Pipeline('everything', {
      description: 'Every field that a definition has',
      parameters: [
        parameter('REGISTRY', { value: '127.0.0.1:5000' }),
        parameter('TARGET', {
          dynamic: true,
          default: 'dev',
          choices: ['dev', 'prod'],
          description: 'Where it goes',
        }),
      ],
      timeout: '1h',
      concurrency: { group: 'web-${TARGET}', limit: 2, onConflict: 'cancelOlder' },
      executor: 'local',
      triggers: [
        schedule({ everyMinutes: 30 }),
        schedule({ everyHours: 2, minute: 28, timeZone: 'Europe/Berlin' }),
        schedule({ daily: '04:30' }),
        schedule({ weekly: { day: 'friday', at: '18:00' } }),
        schedule({ monthly: { day: 31, at: '00:00' } }),
        schedule({ cron: '*/10 8-18 * * 1-5' }),
        event('push', { branches: ['main', 'release/*'], paths: ['src/**'] }),
        event('merge'),
        event('tag'),
      ],
      env: { LEVEL: 'info ${TARGET}' },
      keepWorkspace: '2h',
      stages: [
        stage('Source', {
          tasks: [
            checkout('checkout', {
              url: 'https://example.com/team/web.git',
              ref: 'main',
              credential: 'team-git',
              path: 'web',
              depth: 1,
              submodules: true,
              caCertificate: '-----BEGIN CERTIFICATE-----',
              verifyCertificate: false,
            }),
          ],
        }),
        stage('Build', {
          order: 'parallel',
          when: "TARGET == 'prod'",
          failFast: false,
          tasks: [
            script('unit', 'pytest --junitxml=report.xml\necho "VERSION=1" >> "$WINDLASS_OUTPUT"\n', {
              image: 'python:3.12',
              shell: 'bash -eo pipefail',
              env: { PYTHONDONTWRITEBYTECODE: '1' },
              outputs: ['VERSION'],
              matrix: { PY: ['3.11', '3.12'], OS: ['linux'] },
              when: "params.TARGET != ''",
              needs: ['checkout'],
              allowFailure: true,
              retry: { attempts: 3, on: ['infrastructure', 'lost'], backoff: '10s', from: 'checkout' },
              timeout: '10m',
              grace: '5s',
              executor: 'local',
              caches: [{ key: 'pip-${hash:requirements.txt}', paths: ['.cache/pip'], fallbackKeys: ['pip-'] }],
              artifacts: [{ name: 'dist', paths: ['dist/**'], keep: '7days', when: 'always' }],
              reports: { junit: ['report.xml'], annotations: ['lint.json'] },
              resources: { requests: { cpu: '500m', memory: '256Mi' }, limits: { memory: '1Gi' } },
              secrets: [
                { name: 'TOKEN', from: 'team-token' },
                { name: 'KEY_FILE', from: 'team-ssh', key: 'privateKey', as: 'file' },
              ],
              container: {
                user: '1000:1000',
                platform: 'linux/arm64',
                pull: 'always',
                credential: 'base-registry',
                workingFolder: 'web',
                entrypoint: ['tini', '--'],
                hosts: { 'db.example.com': '10.0.0.7' },
                network: 'ci',
                networks: ['tools'],
                volumes: [{ source: 'cargo', target: '/cargo', readOnly: true }],
                devices: ['/dev/kvm'],
                capabilities: ['SYS_PTRACE'],
                privileged: true,
              },
              services: [
                {
                  name: 'db',
                  image: 'postgres:${PG:-17}',
                  credential: 'base-registry',
                  command: ['postgres', '-F'],
                  env: { POSTGRES_PASSWORD: '${TARGET}' },
                  health: { command: 'pg_isready', interval: '2s', timeout: '1m' },
                  privileged: true,
                },
              ],
              isolation: 'task',
            }),
            buildImage('image', {
              context: '.',
              dockerfile: 'Dockerfile',
              image: '${REGISTRY}/demo/web',
              tags: ['alpha-${BUILD_NUMBER}', 'latest'],
              args: { PYTHON: '3.12' },
              labels: { team: 'web' },
              target: 'release',
              credential: 'team-registry',
              pullCredentials: ['base-registry'],
              push: false,
              noCache: true,
              insecure: true,
            }),
          ],
        }),
        stage('Deploy', {
          tasks: [
            buildImage('publish', { image: '${REGISTRY}/demo/tool', archive: 'dist/tool.tar' }),
            approve('sign-off', { message: 'Ship ${BUILD_NUMBER}?', approvers: ['ana', 'ben'] }),
            deployManifests('rollout', {
              paths: ['deploy/*.yaml'],
              cluster: 'prod',
              namespace: 'web',
              createNamespace: true,
              pullCredential: 'team-registry',
              wait: '5m',
              substitute: false,
              rollback: true,
              prune: true,
              dryRun: true,
            }),
            publishChart('chart', {
              path: 'chart',
              repository: 'oci://example.com/charts',
              name: 'web',
              version: '1.2.3',
              credential: 'team-registry',
            }),
            deployChart('release', {
              release: 'web',
              chart: 'web',
              repository: 'oci://example.com/charts',
              version: '1.2.3',
              cluster: 'prod',
              namespace: 'web',
              values: { replicas: 2, image: { tag: 'alpha-${BUILD_NUMBER}' } },
              valuesFiles: ['values.yaml'],
              credential: 'team-registry',
              wait: '5m',
            }),
            syncFiles('copy', {
              host: 'host.example.com',
              port: 2222,
              credential: 'team-ssh',
              transfers: [
                {
                  include: ['dist/**'],
                  exclude: ['**/*.map'],
                  stripPrefix: 'dist',
                  to: '/srv/web',
                  clean: true,
                },
              ],
              commands: ['systemctl restart web'],
              timeout: '30s',
            }),
            runJob('migrate', { path: 'deploy/migrate.yaml', cluster: 'prod', namespace: 'web' }),
            runJob('seed', { manifest: { apiVersion: 'batch/v1', kind: 'Job' } }),
            custom('notify', 'notify', { room: 'ops', tries: 3 }),
          ],
        }),
      ],
      finally: [script('report', 'echo "$WINDLASS_STATUS"', { workspace: 'none' })],
      finallyTimeout: '2m',
    }),
}

describe('documents', () => {
  test.each(names('documents'))('%s is the JSON beside it', (name) => {
    const expected = JSON.stringify(JSON.parse(read(`documents/${name}.json`)))
    const fromYaml = Pipeline.fromYaml(read(`documents/${name}.yaml`))
    expect(JSON.stringify(fromYaml)).toBe(expected)
    expect(JSON.stringify(Pipeline.fromJson(expected))).toBe(expected)
    expect(JSON.stringify(Pipeline.fromYaml(fromYaml.toYaml()))).toBe(expected)
  })

  test.each(Object.keys(BUILT))('%s is what the builders make, and they add nothing', (name) => {
    const expected = JSON.parse(read(`documents/${name}.json`))
    const built = BUILT[name]!()
    expect(JSON.parse(JSON.stringify(built))).toEqual(expected)
    expect(JSON.stringify(built.check())).toBe(JSON.stringify(expected))
  })
})

test.each(names('mistakes'))('the mistakes of %s are told as beside it', async (name) => {
  const expected = JSON.parse(read(`mistakes/${name}.json`))
  const error = await refused(() => Pipeline.fromYaml(read(`mistakes/${name}.yaml`), { file: `${name}.yaml` }))
  expect(error.problems).toEqual(expected)
})

test.each(
  (JSON.parse(read('options.json')) as { operation: string; options: never; path: string; message: string }[]).map(
    (entry) => [`${entry.operation} ${JSON.stringify(entry.options)}`, entry] as const,
  ),
)('%s is refused with its place', async (_name, { operation, options, path: place, message }) => {
  const engine = await opened()
  const run = await engine.start(scriptOf('true'))
  const calls: Record<string, () => Promise<unknown>> = {
    open: () => Engine.open(options),
    start: () => engine.start(scriptOf('true'), options),
    runs: () => engine.runs(options),
    events: () => engine.events({ filter: options }).next(),
    search: () => engine.search(options),
    retry: () => run.retry(options),
    shutdown: () => engine.shutdown(options),
  }
  const error = await refused(calls[operation]!())
  expect(error.message).toBe(message)
  expect(error.code).toBe('badOption')
  expect(error.problems.map((problem) => problem.path)).toEqual([place])
})

test('an engine refuses with the same words', async () => {
  const engine = await Engine.open({ dataDir: path.join(temporary(), 'data') })
  for (const { document, start, error: expected } of JSON.parse(read('refusals.json'))) {
    const error = await refused(engine.start(Pipeline.fromYaml(document), start))
    const { kind, code, operation, message, retryable, problems, staleVersion } = error
    const said = { kind, code, operation, message, retryable, problems, staleVersion }
    expect(said).toEqual({ ...expected, problems: expected.problems ?? [] })
  }
  await engine.close()
})

test('every kind of error has its class', () => {
  for (const { kind, class: name } of JSON.parse(read('errors.json'))) {
    const type = (windlass as Record<string, unknown>)[name] as typeof WindlassError
    const details = {
      kind,
      code: 'x',
      operation: 'x',
      message: 'x',
      retryable: false,
      problems: null,
      staleVersion: null,
    }
    const error = new type(details)
    expect(error).toBeInstanceOf(WindlassError)
    expect(error).toBeInstanceOf(Error)
    expect(error.name).toBe(name)
  }
})
