import { expect, test } from 'vitest'
import { relative } from './time'

test('relative times', () => {
  const now = Date.parse('2026-12-01T12:00:00Z')
  const seen = (at: string) => relative(at, now, ['en'])
  expect([seen('2026-12-01T11:59:58Z'), seen('2026-12-01T10:00:00Z'), seen('2026-12-01T18:00:00Z'), seen('2026-11-30T11:00:00Z'), seen('2026-12-01T11:59:20Z')]).toEqual([
    'now', '2 hours ago', 'in 6 hours', 'yesterday', '40 seconds ago',
  ])
})
