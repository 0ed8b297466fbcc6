import { Group, Text } from '@mantine/core'
import { useId, useState, type KeyboardEvent } from 'react'

export interface Bucket {
  at: string
  values: number[]
}

interface Props {
  title: string
  keys: string[]
  buckets: Bucket[]
  write: (n: number) => string
  writeAt: (at: string) => string
  /** The labels below the first and the last bar. */
  writeEdge: (at: string) => string
  /** Times at which something happened, as ticks on the axis. */
  marks?: { at: string; text: string }[]
  nameOf: (key: string) => string
}

const width = 960
const height = 220
const top = 10
const bottom = 22
const left = 0

/**
 * Chart shows stacked bars. It is one stop for the keyboard: arrows move through the bars, and the figures of the bar are
 * read out. Readers also get the figures as a table.
 */
export function Chart({ title, keys, buckets, write, writeAt, writeEdge, marks = [], nameOf }: Props) {
  const [at, setAt] = useState<number | null>(null)
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set())
  const id = useId()
  const shown = keys.map((key) => !hidden.has(key))
  const sumOf = (bucket: Bucket) => bucket.values.reduce((sum, n, i) => sum + (shown[i] ? n : 0), 0)
  const most = niceTop(Math.max(...buckets.map(sumOf), 0))
  const plot = height - top - bottom
  const step = (width - left) / Math.max(buckets.length, 1)
  const gap = Math.min(step * 0.25, 6)
  const y = (n: number) => top + plot - (n / most) * plot
  const picked = at === null ? null : buckets[at]

  const onKeyDown = (e: KeyboardEvent) => {
    const to = { ArrowRight: (at ?? -1) + 1, ArrowLeft: (at ?? buckets.length) - 1, Home: 0, End: buckets.length - 1 }[e.key]
    if (e.key === 'Escape') setAt(null)
    if (to === undefined) return
    e.preventDefault()
    setAt(Math.min(Math.max(to, 0), buckets.length - 1))
  }
  const toggle = (key: string) =>
    setHidden((was) => {
      const next = new Set(was)
      if (!next.delete(key)) next.add(key)
      return next
    })
  return (
    <div>
      <Text size="sm" mih={22} c={picked ? undefined : 'dimmed'} aria-live="polite" className="num">
        {picked ? describe(picked, keys, write, writeAt, nameOf) : 'Point at a bar, or use the arrow keys, for its figures.'}
      </Text>
      <svg className="chart" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={`${title}, a chart. The table below has its figures.`} tabIndex={0} onKeyDown={onKeyDown} onMouseLeave={() => setAt(null)} onBlur={() => setAt(null)}>
        {[0, 0.5, 1].map((part) => (
          <line key={part} className="grid" x1={left} x2={width} y1={y(most * part)} y2={y(most * part)} />
        ))}
        {buckets.map((bucket, i) => {
          let from = 0
          const x = left + i * step
          return (
            <g key={bucket.at} className="cell" data-on={i === at} onMouseEnter={() => setAt(i)}>
              <rect className="back" x={x} y={top} width={step} height={plot} />
              {bucket.values.map((n, k) => {
                if (!shown[k] || n <= 0) return null
                const bar = <rect key={keys[k]} className="bar" x={x + gap / 2} width={Math.max(step - gap, 1)} y={y(from + n)} height={Math.max(y(from) - y(from + n), 0.5)} fill={`var(--series-${Math.min(k, 8)})`} />
                from += n
                return bar
              })}
            </g>
          )
        })}
        {marks.map((mark) => {
          const place = placeOf(mark.at, buckets)
          return place === null ? null : (
            <path key={mark.at} d={`M${left + place * step} ${top + plot} l-5 9 h10 z`} fill="var(--warn)">
              <title>{mark.text}</title>
            </path>
          )
        })}
      </svg>
      <Group justify="space-between" gap={4} mt={2} pl={0} aria-hidden="true">
        <Text size="xs" c="dimmed" className="num">
          0 – {write(most)}
        </Text>
        <Text size="xs" c="dimmed" className="num">
          {buckets.length > 0 ? `${writeEdge(buckets[0]!.at)} – ${writeEdge(buckets[buckets.length - 1]!.at)}` : ''}
        </Text>
      </Group>
      {keys.length > 1 && (
        <Group gap={6} mt={8} role="group" aria-label="Series">
          {keys.map((key, k) => (
            <button key={key} type="button" className="legend" aria-pressed={shown[k]} onClick={() => toggle(key)}>
              <span className="swatch" style={{ background: `var(--series-${Math.min(k, 8)})` }} />
              {nameOf(key)}
            </button>
          ))}
        </Group>
      )}
      <table className="sr" aria-labelledby={id}>
        <caption id={id}>{title}</caption>
        <thead>
          <tr>
            <th scope="col">Time</th>
            {keys.map((key) => (
              <th key={key} scope="col">
                {nameOf(key)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {buckets.map((bucket) => (
            <tr key={bucket.at}>
              <th scope="row">{writeAt(bucket.at)}</th>
              {bucket.values.map((n, k) => (
                <td key={keys[k]}>{write(n)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function describe(bucket: Bucket, keys: string[], write: (n: number) => string, writeAt: (at: string) => string, nameOf: (key: string) => string) {
  const parts = keys.flatMap((key, k) => ((bucket.values[k] ?? 0) > 0 ? [`${nameOf(key)} ${write(bucket.values[k]!)}`] : []))
  return `${writeAt(bucket.at)}: ${parts.join(', ') || 'nothing'}`
}

/** placeOf returns where a time lies among the buckets, counted in buckets, or null outside of them. */
function placeOf(at: string, buckets: Bucket[]): number | null {
  if (buckets.length < 2) return null
  const first = Date.parse(buckets[0]!.at)
  const step = Date.parse(buckets[1]!.at) - first
  const place = (Date.parse(at) - first) / step
  return place < 0 || place > buckets.length ? null : place
}

/** niceTop returns the end of an axis: 1, 2 or 5 times a power of ten, at or above n. */
export function niceTop(n: number): number {
  if (n <= 0) return 1
  const power = 10 ** Math.floor(Math.log10(n))
  return [1, 2, 5, 10].map((k) => k * power).find((end) => end >= n * 0.999999) ?? n
}

/** Spark shows the course of a figure without numbers; the figure stands beside it. */
export function Spark({ values }: { values: number[] }) {
  const most = Math.max(...values, 0) || 1
  const step = 100 / Math.max(values.length, 1)
  return (
    <svg className="spark" viewBox="0 0 100 26" preserveAspectRatio="none" aria-hidden="true">
      {values.map((n, i) => (
        <rect key={i} x={i * step + 0.4} width={Math.max(step - 0.8, 0.3)} y={26 - Math.max((n / most) * 26, 0.8)} height={Math.max((n / most) * 26, 0.8)} fill="var(--series-0)" opacity={n > 0 ? 0.75 : 0.25} />
      ))}
    </svg>
  )
}
