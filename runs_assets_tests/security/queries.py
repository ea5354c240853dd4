"""What Dagster's page shows of a history, asked over GraphQL as the page does."""

METADATA = """
  __typename label description
  ... on TextMetadataEntry { text }
  ... on UrlMetadataEntry { url }
  ... on PathMetadataEntry { path }
  ... on JsonMetadataEntry { jsonString }
  ... on MarkdownMetadataEntry { mdStr }
  ... on TableMetadataEntry { table { records schema { columns { name type description } } } }
"""
ERROR = "message className stack errorChain { error { message stack } }"
RUNS = f"""{{
  runsOrError {{ ... on Runs {{ results {{
    runId jobName status runConfigYaml tags {{ key value }}
    eventConnection {{ cursor hasMore events {{
      __typename
      ... on MessageEvent {{ message }}
      ... on ExecutionStepFailureEvent {{ error {{ {ERROR} }} failureMetadata {{ label description metadataEntries {{ {METADATA} }} }} }}
      ... on MaterializationEvent {{ label description metadataEntries {{ {METADATA} }} }}
    }} }}
  }} }} }}
  instance {{ info }}
}}"""
ASSETS = f"""{{
  assetNodes {{
    assetKey {{ path }} description metadataEntries {{ {METADATA} }}
    assetMaterializations {{ partition label description metadataEntries {{ {METADATA} }} }}
  }}
}}"""
DEFINITIONS = """{
  repositoriesOrError { ... on RepositoryConnection { nodes {
    name
    allTopLevelResourceDetails { name description resourceType configuredValues { key value } configFields { name defaultValueAsJson } }
    schedules { name description cronSchedule }
    sensors { name description }
    jobs { name description tags { key value } }
  } } }
}"""
EVERYTHING = {"runs": RUNS, "assets": ASSETS, "definitions": DEFINITIONS}
