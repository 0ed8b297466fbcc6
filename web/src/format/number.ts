const locale = () => (typeof navigator === 'undefined' ? undefined : navigator.languages)

/** exact writes a whole number with the user's separators. */
export const exact = (n: number) => new Intl.NumberFormat(locale(), { maximumFractionDigits: 6 }).format(n)

/** compact writes a number in a few characters: 48.2K. */
export function compact(n: number): string {
  if (Math.abs(n) < 10_000) return exact(n)
  return new Intl.NumberFormat(locale(), { notation: 'compact', maximumSignificantDigits: 3 }).format(n)
}

/**
 * money writes US dollars: from a dollar on with two decimals, below with two significant digits. An amount that is not zero is
 * never shown as zero.
 */
export function money(usd: number, languages: readonly string[] | undefined = locale()): string {
  const write = (n: number, options: Intl.NumberFormatOptions) =>
    new Intl.NumberFormat(languages as string[] | undefined, { style: 'currency', currency: 'USD', currencyDisplay: 'narrowSymbol', ...options }).format(n)
  const size = Math.abs(usd)
  if (usd === 0) return write(0, { maximumFractionDigits: 0 })
  if (size < 0.000001) return `< ${write(0.000001, { minimumFractionDigits: 6 })}`
  if (size >= 10_000) return write(usd, { notation: 'compact', minimumSignificantDigits: 3, maximumSignificantDigits: 3 })
  if (size >= 0.995) return write(usd, { minimumFractionDigits: 2, maximumFractionDigits: 2 })
  return write(usd, { maximumSignificantDigits: 2, minimumFractionDigits: 0, maximumFractionDigits: 6 })
}

/** exactMoney writes US dollars with all their decimals. */
export const exactMoney = (usd: number) =>
  new Intl.NumberFormat(locale() as string[] | undefined, { style: 'currency', currency: 'USD', currencyDisplay: 'narrowSymbol', minimumFractionDigits: 2, maximumFractionDigits: 6 }).format(usd)

/** percent writes a part of one: 0.024 is 2.4 %. */
export const percent = (part: number) =>
  new Intl.NumberFormat(locale(), { style: 'percent', maximumFractionDigits: Math.abs(part) < 0.1 ? 1 : 0 }).format(part)

/** change writes how much a figure grew, or null where the figures are too small to say. */
export function change(now: number, before: number, enough: boolean): string | null {
  if (!enough || before <= 0) return null
  const part = now / before - 1
  if (part > 9.99) return `× ${compact(Math.round(now / before))}`
  return new Intl.NumberFormat(locale(), { style: 'percent', maximumFractionDigits: 0, signDisplay: 'exceptZero' }).format(part)
}

export type Metric = 'requests' | 'tokens' | 'costUsd'

export const metrics: { value: Metric; label: string }[] = [
  { value: 'requests', label: 'Requests' },
  { value: 'tokens', label: 'Tokens' },
  { value: 'costUsd', label: 'Cost' },
]

/** amount writes a figure of a metric. */
export const amount = (metric: string, n: number) => (metric === 'costUsd' ? money(n) : compact(n))

/** exactAmount writes a figure of a metric with all its digits. */
export const exactAmount = (metric: string, n: number) => (metric === 'costUsd' ? exactMoney(n) : exact(n))
