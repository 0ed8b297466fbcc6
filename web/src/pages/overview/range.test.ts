import { expect, test } from 'vitest'
import { bucketsOf, daysOf, hoursOf, stepOf } from './range'

const now = Date.parse('2026-12-01T14:25:00Z')

test('hours end with the running one', () => {
  expect(hoursOf('24h', now)).toEqual({ from: '2026-11-30T15:00:00.000Z', to: '2026-12-01T15:00:00.000Z' })
})

test('days are UTC, and end with today', () => {
  expect(daysOf('30d', now)).toEqual({ from: '2026-11-02T00:00:00.000Z', to: '2026-12-02T00:00:00.000Z' })
  expect(bucketsOf('90d', now).from).toBe('2026-09-03T00:00:00.000Z')
  expect([stepOf('7d'), stepOf('30d')]).toEqual(['hour', 'day'])
})
