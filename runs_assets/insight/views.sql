-- The data folder as views for DuckDB, and the five questions that people ask first. From the shell:
--
--     duckdb -cmd "SET VARIABLE data = 'data'" -cmd '.read runs_assets/insight/views.sql'
--     FROM wrong_now;
--
-- The variable `data` names the data folder, relative to the working directory unless absolute. The verdict tables have
-- to be there (`runs-assets refresh` builds them). A view reads the files anew at each query. All times are UTC.

SET TimeZone = 'UTC';

SELECT CASE WHEN getvariable('data') IS NULL
    THEN error('Name the data folder first: SET VARIABLE data = ''...''')
    WHEN NOT EXISTS (FROM glob(coalesce(getvariable('data'), '') || '/pipeline_health/part-0.parquet'))
    THEN error('There is no pipeline_health in ' || getvariable('data') || '. Run `runs-assets refresh` first.')
    ELSE 'The data folder is ' || getvariable('data') || '.'
END AS found;

-- What is stored: a row for each run, and for each pipeline and day.
CREATE OR REPLACE VIEW runs AS
FROM read_parquet(getvariable('data') || '/runs/**/*.parquet', hive_partitioning = true);

CREATE OR REPLACE VIEW failure_rates AS
FROM read_parquet(getvariable('data') || '/failure_rates/**/*.parquet', hive_partitioning = true);

-- What of it is known: a row for each stored day. It is whole if it was read to its end after it was over.
CREATE OR REPLACE VIEW stored_days AS
WITH entries AS (
    SELECT
        regexp_extract(file_name, '/source=([^/]*)/', 1) AS source,
        regexp_extract(file_name, '/date=([^/]*)/', 1)::DATE AS date,
        decode(key) AS name,
        nullif(decode(value), '') AS text
    FROM parquet_kv_metadata(getvariable('data') || '/runs/**/*.parquet')
    WHERE decode(key) IN ('read_started_at', 'complete_as_of', 'settled', 'open_runs')
),
days AS (
    SELECT
        source,
        date,
        max(text) FILTER (name = 'read_started_at')::TIMESTAMPTZ AS read_at,
        max(text) FILTER (name = 'complete_as_of')::TIMESTAMPTZ AS complete_as_of,
        coalesce(max(text) FILTER (name = 'settled') = 'true', false) AS is_final,
        max(text) FILTER (name = 'open_runs')::BIGINT AS open_runs
    FROM entries
    GROUP BY source, date
)
SELECT *, coalesce(complete_as_of >= (date + 1)::TIMESTAMPTZ, false) AS is_whole FROM days;

-- What was judged.
CREATE OR REPLACE VIEW pipeline_health AS FROM read_parquet(getvariable('data') || '/pipeline_health/part-0.parquet');
CREATE OR REPLACE VIEW source_health AS FROM read_parquet(getvariable('data') || '/source_health/part-0.parquet');
CREATE OR REPLACE VIEW failure_trends AS FROM read_parquet(getvariable('data') || '/failure_trends/part-0.parquet');
CREATE OR REPLACE VIEW failure_reasons AS FROM read_parquet(getvariable('data') || '/failure_reasons/part-0.parquet');
CREATE OR REPLACE VIEW outages AS FROM read_parquet(getvariable('data') || '/outages/part-0.parquet');
CREATE OR REPLACE VIEW silences AS FROM read_parquet(getvariable('data') || '/silences/part-0.parquet');
CREATE OR REPLACE VIEW hanging_runs AS FROM read_parquet(getvariable('data') || '/hanging_runs/part-0.parquet');

-- What people call a pipeline: its name, else its id, of a UUID the first eight digits.
CREATE OR REPLACE MACRO called(name, id) AS coalesce(
    name, regexp_replace(id, '^([0-9a-fA-F]{8})(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$', '\1')
);

-- 1. What is wrong now? Sources as a whole first, then pipelines, the worst first and of these the longest.
CREATE OR REPLACE VIEW wrong_now AS
WITH found AS (
    SELECT
        source, NULL AS pipeline, NULL AS pipeline_id, state, since, NULL AS failures, NULL AS reason,
        NULL AS failure_rate_24h, NULL AS usual_rate, source_read_until, 0 AS place
    FROM source_health
    WHERE state <> 'ok'
    UNION ALL BY NAME
    SELECT
        source, called(pipeline_name, pipeline_id) AS pipeline, pipeline_id, state, since, failures, reason,
        failure_rate_24h, normal_rate AS usual_rate, source_read_until,
        list_position([
            'down', 'never succeeded', 'stuck', 'silent', 'failing', 'worse', 'partly failing', 'hanging',
            'failed once', 'flaky'
        ], state) AS place
    FROM pipeline_health
    WHERE state NOT IN ('ok', 'new', 'too few runs')
)
SELECT * EXCLUDE place FROM found ORDER BY place, since NULLS LAST, source, pipeline_id;

-- 2. Since when is a pipeline as it is, and why? FROM since_when('invoice%'); its name or id, as LIKE has it.
-- A row for each reason of the last 28 days, most failures first; one row without a reason if there was none.
CREATE OR REPLACE MACRO since_when(wanted) AS TABLE
WITH reasons AS (
    SELECT reasons.source, reasons.pipeline_id, reason, any_value(side) AS side, sum(runs)::BIGINT AS failed_28d,
        min(first_seen_at) AS first_seen_at, max(last_seen_at) AS last_seen_at, max_by(example_run_id, date) AS example
    FROM failure_reasons AS reasons
    JOIN source_health USING (source)
    WHERE date > (source_read_until - INTERVAL 1 MICROSECOND)::DATE - 28
    GROUP BY ALL
)
SELECT health.source, called(pipeline_name, health.pipeline_id) AS pipeline, state, since, failures, last_success_at,
    latest_failed_run_id, reasons.* EXCLUDE (source, pipeline_id)
FROM pipeline_health AS health
LEFT JOIN reasons
    ON reasons.source = health.source AND reasons.pipeline_id IS NOT DISTINCT FROM health.pipeline_id
WHERE called(pipeline_name, health.pipeline_id) LIKE wanted OR health.pipeline_id LIKE wanted
ORDER BY health.source, pipeline, failed_28d DESC NULLS LAST, reasons.reason;

-- 3. Which runs failed on a day, of all that were created on it? FROM failed_on('2026-03-17'); the newest first.
CREATE OR REPLACE MACRO failed_on(day) AS TABLE
SELECT runs.source, called(pipeline_name, runs.pipeline_id) AS pipeline, runs.pipeline_id, run_id, created_at,
    finished_at, duration_seconds, pipeline_version, site_id, exit_code
FROM runs
LEFT JOIN pipeline_health AS health
    ON health.source = runs.source AND health.pipeline_id IS NOT DISTINCT FROM runs.pipeline_id
WHERE runs.date = day::DATE AND status = 'failed' AND NOT coalesce(dry_run, false)
ORDER BY created_at DESC, run_id;

-- The same of the UTC day before today.
CREATE OR REPLACE VIEW failed_yesterday AS FROM failed_on(today() - 1);

-- 4. Which pipelines fail most in four weeks, and how sure is that? The last 28 days up to when each source was read,
-- with the 95 % Wilson interval; those come first that fail most at least.
CREATE OR REPLACE VIEW most_failures AS
WITH counted AS (
    SELECT rates.source, rates.pipeline_id, sum(succeeded + failed)::BIGINT AS completed, sum(failed)::BIGINT AS failed
    FROM failure_rates AS rates
    JOIN source_health USING (source)
    WHERE date > (source_read_until - INTERVAL 1 MICROSECOND)::DATE - 28
    GROUP BY ALL
    HAVING completed > 0
),
shares AS (SELECT *, failed / completed AS p, 1.959963984540054 AS z, completed AS n FROM counted),
intervals AS (
    SELECT source, pipeline_id, completed, failed, p AS failure_rate,
        greatest(0, (p + z * z / (2 * n) - z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))) / (1 + z * z / n)) AS low,
        least(1, (p + z * z / (2 * n) + z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))) / (1 + z * z / n)) AS high
    FROM shares
)
SELECT intervals.source, called(pipeline_name, intervals.pipeline_id) AS pipeline, intervals.pipeline_id, completed,
    failed, failure_rate, low AS failure_rate_low, high AS failure_rate_high
FROM intervals
LEFT JOIN pipeline_health AS health
    ON health.source = intervals.source AND health.pipeline_id IS NOT DISTINCT FROM intervals.pipeline_id
ORDER BY failure_rate_low DESC, completed DESC, intervals.source, intervals.pipeline_id;

-- 5. What is not known? The days of the last 28 of each source that are not stored although an earlier one is, were not
-- read to their end, or may still change, with their open runs; the newest first.
CREATE OR REPLACE VIEW not_known AS
WITH spans AS (
    SELECT source, min(date) AS first, (any_value(source_read_until) - INTERVAL 1 MICROSECOND)::DATE AS last
    FROM stored_days
    JOIN source_health USING (source)
    GROUP BY source
),
calendar AS (
    SELECT source, unnest(generate_series(greatest(first, last - 27), last, INTERVAL 1 DAY))::DATE AS date FROM spans
)
SELECT source, date, open_runs, read_at, CASE
        WHEN read_at IS NULL THEN 'not stored'
        WHEN NOT is_whole THEN 'not read to its end'
        ELSE 'may still change'
    END AS what
FROM calendar
LEFT JOIN stored_days USING (source, date)
WHERE NOT coalesce(is_whole AND is_final, false)
ORDER BY source, date DESC;
