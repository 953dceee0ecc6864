"""Runs in the environment of dlt: loads the lists that our pull reads (people, enrollments, holders of each
bundle) with its REST source and CSV loader, merged by their ids. Arguments: address, database, key,
subdomain, a folder for its files, the ids of the bundles."""

import sys

import dlt
from dlt.sources.rest_api import rest_api_source

url, database, key, subdomain, folder, *bundles = sys.argv[1:]

source = rest_api_source(
    {
        "client": {
            "base_url": f"{url}/api/public/v1/",
            "headers": {"X-Auth-API-Key": key, "X-Auth-Subdomain": subdomain},
            "paginator": {
                "type": "page_number",
                "base_page": 1,
                "total_path": "meta.pagination.total_pages",
            },
        },
        "resource_defaults": {
            "primary_key": "id",
            "write_disposition": "merge",
            "endpoint": {"params": {"limit": 250}, "data_selector": "items"},
        },
        "resources": [
            {"name": "users", "endpoint": {"path": "users"}},
            {"name": "enrollments", "endpoint": {"path": "enrollments"}},
            *(
                {"name": f"bundle_{bundle}", "endpoint": {"path": f"bundles/{bundle}/enrollments"}}
                for bundle in bundles
            ),
        ],
    }
)
pipeline = dlt.pipeline(
    "thinkific",
    destination=dlt.destinations.postgres(database),
    dataset_name="thinkific",
    pipelines_dir=folder,
)
print(pipeline.run(source, loader_file_format="csv"))
