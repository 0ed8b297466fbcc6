import { Tooltip } from '@mantine/core'
import { amount, exactAmount } from '../format/number'

/** Figure shows a figure of a metric shortly, and all its digits on hover. */
export function Figure({ metric, value }: { metric: string; value: number }) {
  const short = amount(metric, value)
  const full = exactAmount(metric, value)
  if (short === full) return <span className="num">{short}</span>
  return (
    <Tooltip label={full} openDelay={200}>
      <span className="num">{short}</span>
    </Tooltip>
  )
}
