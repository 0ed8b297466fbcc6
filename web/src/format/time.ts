const locale = () => (typeof navigator === 'undefined' ? undefined : (navigator.languages as string[]))

const units: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
]

/** relative writes a time as seen from now: "2 hours ago", "in 6 hours". */
export function relative(at: string | Date, now: number, languages: string[] | undefined = locale()): string {
  const seconds = Math.round((new Date(at).getTime() - now) / 1000)
  const format = new Intl.RelativeTimeFormat(languages, { numeric: 'auto', style: 'long' })
  if (Math.abs(seconds) < 5) return format.format(0, 'second')
  for (const [unit, length] of units) {
    if (Math.abs(seconds) >= length) return format.format(Math.trunc(seconds / length), unit)
  }
  return format.format(0, 'second')
}

/** exactTime writes a time in the user's zone, with the zone. */
export const exactTime = (at: string | Date) =>
  new Intl.DateTimeFormat(locale(), { dateStyle: 'medium', timeStyle: 'long' }).format(new Date(at))

/** dayUTC writes a day of UTC, as limits count. */
export const dayUTC = (at: string | Date) =>
  new Intl.DateTimeFormat(locale(), { day: 'numeric', month: 'short', timeZone: 'UTC' }).format(new Date(at))

/** hour writes the time of day in the user's zone. */
export const hour = (at: string | Date) => new Intl.DateTimeFormat(locale(), { hour: '2-digit', minute: '2-digit' }).format(new Date(at))

/** hourOfDay writes day and hour in the user's zone. */
export const hourOfDay = (at: string | Date) =>
  new Intl.DateTimeFormat(locale(), { weekday: 'short', hour: '2-digit', minute: '2-digit' }).format(new Date(at))

/** periodWord is the word for a period in a sentence: "5 a day". */
export const periodWord: Record<string, string> = { hourly: 'hour', daily: 'day', weekly: 'week', monthly: 'month' }

/** duration writes milliseconds: 412 ms, 1.4 s. */
export function duration(ms: number): string {
  const write = (n: number, unit: string) => new Intl.NumberFormat(locale(), { style: 'unit', unit, maximumFractionDigits: n < 10 && unit === 'second' ? 1 : 0 }).format(n)
  return ms < 1000 ? write(ms, 'millisecond') : write(ms / 1000, 'second')
}
