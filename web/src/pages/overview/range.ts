export type Range = '24h' | '7d' | '30d' | '90d'

const hours: Record<Range, number> = { '24h': 24, '7d': 168, '30d': 720, '90d': 2160 }
const hour = 3_600_000
const day = 24 * hour

/** hoursOf returns the hours of a range, up to and including the running one, as the overview counts them. */
export function hoursOf(range: Range, now: number): { from: string; to: string } {
  const to = Math.floor(now / hour) * hour + hour
  return { from: new Date(to - hours[range] * hour).toISOString(), to: new Date(to).toISOString() }
}

/** daysOf returns the days of a range in UTC, up to and including today. */
export function daysOf(range: Range, now: number): { from: string; to: string } {
  const to = Math.floor(now / day) * day + day
  return { from: new Date(to - (hours[range] / 24) * day).toISOString(), to: new Date(to).toISOString() }
}

/** stepOf returns the length of a bar. */
export const stepOf = (range: Range): 'hour' | 'day' => (range === '24h' || range === '7d' ? 'hour' : 'day')

export const bucketsOf = (range: Range, now: number) => (stepOf(range) === 'hour' ? hoursOf(range, now) : daysOf(range, now))
