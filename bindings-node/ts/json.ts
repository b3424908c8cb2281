import { badOption } from './errors.js'

/**
 * Options as JSON for the core, which reads them. What JSON cannot hold, and would silently leave out or refuse without a
 * place, is refused here with its path.
 */
export function encode(value: unknown, operation: string): string {
  refuseStrange(value, '', operation, new Set())
  return JSON.stringify(value === undefined ? {} : value)
}

function refuseStrange(value: unknown, path: string, operation: string, above: Set<object>): void {
  switch (typeof value) {
    case 'function':
    case 'symbol':
    case 'bigint':
      throw badOption(operation, path, `a ${typeof value}`)
    case 'number':
      if (!Number.isFinite(value)) throw badOption(operation, path, String(value))
      return
    case 'object':
      break
    default:
      return
  }
  if (value === null || typeof (value as { toJSON?: unknown }).toJSON === 'function') return
  if (above.has(value)) throw badOption(operation, path, 'an object that holds itself')
  above.add(value)
  for (const [key, inner] of Object.entries(value)) {
    const below = Array.isArray(value) ? `${path}[${key}]` : path === '' ? key : `${path}.${key}`
    refuseStrange(inner, below, operation, above)
  }
  above.delete(value)
}
