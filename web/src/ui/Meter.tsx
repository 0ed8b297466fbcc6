/** Meter shows how much of a limit is used. The figures stand beside it, so readers skip it. */
export function Meter({ part }: { part: number }) {
  const color = part >= 1 ? 'var(--bad)' : part >= 0.8 ? 'var(--warn)' : 'var(--series-0)'
  return (
    <div className="meter" aria-hidden="true">
      <i style={{ width: `${Math.min(Math.max(part, 0), 1) * 100}%`, background: color }} />
    </div>
  )
}
