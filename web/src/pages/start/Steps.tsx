import { Icon } from '../../ui/Icon'

const names = ['Project', 'Key', 'First request']

/** Steps shows how far the first run is. at is the number of steps that are done. */
export function Steps({ at }: { at: number }) {
  return (
    <ol className="steps" aria-label="Steps">
      {names.map((name, i) => (
        <li key={name} aria-current={i === at ? 'step' : undefined} data-done={i < at}>
          <span className="steps-dot">{i < at ? <Icon name="check" size={14} /> : i + 1}</span>
          {name}
          {i < at && <span className="sr">done</span>}
        </li>
      ))}
    </ol>
  )
}
