import { Alert, Button, Group, SegmentedControl, Select, Skeleton, Stack, Text } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import { api, type Schemas } from '../../api/client'
import { metrics } from '../../format/number'
import { useMayChange } from '../../session/me'
import { columnsOf } from '../../settings/matrix'
import { at, isEmpty, type JsonObject } from '../../settings/patch'
import { Icon } from '../../ui/Icon'
import { Page } from '../../ui/Page'
import { Time } from '../../ui/Time'
import { View } from '../../ui/View'
import { actorName } from '../overview/ChangesCard'
import { Conflicts } from './Conflicts'
import { JsonView } from './JsonView'
import { Matrix } from './Matrix'
import { NarrowMatrix } from './NarrowMatrix'
import { Review } from './Review'
import { useEditor } from './useEditor'
import { WhatIf } from './WhatIf'
import { AnchorLink } from '../../ui/links'

export function LimitsPage() {
  const { projectId } = useParams({ from: '/signed-in/framed/p/$projectId/limits' })
  const project = api.useQuery('get', '/api/projects/{projectId}', { params: { path: { projectId } } })
  return <View query={project} skeleton={<Loading />}>{(data) => <Editor projectId={projectId} project={data} />}</View>
}

function Loading() {
  return (
    <Page title="Limits">
      <Skeleton height={320} mb="md" />
      <Skeleton height={160} />
    </Page>
  )
}

const periods = [
  { value: 'hourly', label: 'each hour' },
  { value: 'daily', label: 'each day' },
  { value: 'weekly', label: 'each week' },
  { value: 'monthly', label: 'each month' },
]

function Editor({ projectId, project }: { projectId: string; project: Schemas['Project'] }) {
  const search = useSearch({ from: '/signed-in/framed/p/$projectId/limits' })
  const navigate = useNavigate({ from: '/p/$projectId/limits' })
  const mayChange = useMayChange(projectId)
  const narrow = useMediaQuery('(max-width: 48em)', undefined, { getInitialValueInEffect: false })
  const [reviewing, setReviewing] = useState(false)
  const editor = useEditor(projectId, project)
  const { document, patch } = editor
  const metric = search.metric ?? 'requests'
  const dirty = !isEmpty(patch)
  const setSearch = (change: Record<string, unknown>, replace = false) => navigate({ search: (was) => ({ ...was, ...change }), replace })
  const matrix = { projectId, editor, metric, readOnly: !mayChange, onWhatIf: (tier: string | undefined, model: string | undefined) => setSearch({ tier, model }, true) }
  const nothing = columnsOf(document).length === 1 && isEmpty((at(document, ['modelLimits']) ?? {}) as JsonObject) && ['requestLimit', 'tokenLimit', 'costLimitUsd'].every((f) => at(document, [f]) === null)
  return (
    <Page title="Limits" beside={<Version projectId={projectId} version={project.version} />}>
      <Stack pb={dirty ? 76 : 0}>
        {!mayChange && <Alert icon={<Icon name="info" />}>You are a viewer of this project: you see the limits, and cannot change them. You can still try what a change would do.</Alert>}
        <Conflicts editor={editor} />
        <Group justify="space-between" gap="sm">
          <SegmentedControl aria-label="Metric" value={metric} onChange={(value) => setSearch({ metric: value === 'requests' ? undefined : value })} data={metrics} size="sm" />
          <Group gap="xs">
            <Select aria-label="Period of all limits" data={periods} value={String(at(document, ['limitPeriod']) ?? 'daily')} onChange={(value) => value && editor.setField(['limitPeriod'], value)} allowDeselect={false} w={134} size="xs" disabled={!mayChange} />
            <Button size="xs" variant={search.json ? 'light' : 'default'} aria-pressed={search.json === true} leftSection={<Icon name="braces" size={15} />} onClick={() => setSearch({ json: search.json ? undefined : true })}>
              JSON
            </Button>
          </Group>
        </Group>
        {nothing && <Alert icon={<Icon name="info" />}>Nothing is limited yet. Begin with the cell of Everyone: type a number of {metric === 'costUsd' ? 'dollars' : metric}.</Alert>}
        {search.json ? <JsonView document={document} patch={patch} /> : narrow ? <NarrowMatrix {...matrix} tier={search.tier} onTier={(tier) => setSearch({ tier }, true)} /> : <Matrix {...matrix} />}
        <WhatIf projectId={projectId} document={document} patch={patch} metric={metric} search={search} onChange={(change) => setSearch({ ...change }, true)} />
      </Stack>
      {dirty && (
        <div className="save-bar" role="region" aria-label="Unsaved changes">
          <Group gap={8} wrap="nowrap">
            <span className="warn">●</span>
            <Text size="sm" fw={500} aria-live="polite">
              {editor.changes === 1 ? '1 unsaved change' : `${editor.changes} unsaved changes`}
            </Text>
          </Group>
          <Group gap="xs" wrap="nowrap">
            <Button variant="default" size="sm" onClick={editor.undo} disabled={!editor.canUndo} aria-label="Undo the last edit">
              <Icon name="undo" size={16} />
            </Button>
            <Button variant="default" size="sm" onClick={editor.discard}>
              Discard
            </Button>
            {mayChange && (
              <Button size="sm" onClick={() => setReviewing(true)} disabled={editor.conflicts.length > 0}>
                {narrow ? 'Review' : 'Review and save'}
              </Button>
            )}
          </Group>
        </div>
      )}
      <Review opened={reviewing} onClose={() => setReviewing(false)} projectId={projectId} editor={editor} />
    </Page>
  )
}

function Version({ projectId, version }: { projectId: string; version: number }) {
  const versions = api.useQuery('get', '/api/projects/{projectId}/settings/versions', { params: { path: { projectId }, query: { limit: 20 } } })
  const last = versions.data?.items[0]
  return (
    <Text size="sm" c="dimmed" className="break">
      v{version}
      {last && (
        <>
          {' '}
          · {actorName(last.by)}, <Time at={last.at} />
        </>
      )}{' '}
      ·{' '}
      <AnchorLink to="/p/$projectId/limits/history" params={{ projectId }} size="sm">
        History
      </AnchorLink>
    </Text>
  )
}

