"""Metrics of exporters that many projects use: the name of each, and how its metrics begin."""

from __future__ import annotations

# What Prometheus makes by itself.
OWN = frozenset(
    [
        "ALERTS",
        "ALERTS_FOR_STATE",
        "up",
        "scrape_body_size_bytes",
        "scrape_duration_seconds",
        "scrape_sample_limit",
        "scrape_samples_post_metric_relabeling",
        "scrape_samples_scraped",
        "scrape_series_added",
        "scrape_timeout_seconds",
        "push_failure_time_seconds",
        "push_time_seconds",
        "target_info",
        "otel_scope_info",
    ]
)

PREFIXES: dict[str, tuple[str, ...]] = {
    "Prometheus": ("prometheus_", "promhttp_", "net_conntrack_", "scrape_"),
    "Alertmanager": ("alertmanager_",),
    "Pushgateway": ("pushgateway_",),
    "client libraries": ("process_", "python_", "go_", "jvm_", "nodejs_", "ruby_", "dotnet_"),
    "node_exporter": ("node_",),
    "windows_exporter": ("windows_", "wmi_"),
    "systemd_exporter": ("systemd_",),
    "process-exporter": ("namedprocess_",),
    "redis_exporter": ("redis_",),
    "memcached_exporter": ("memcached_",),
    "postgres_exporter": ("pg_", "postgres_exporter_", "pgbouncer_"),
    "mysqld_exporter": ("mysql_",),
    "mongodb_exporter": ("mongodb_", "mongodb_exporter_"),
    "elasticsearch_exporter": ("elasticsearch_",),
    "clickhouse": ("clickhouse_", "ClickHouse"),
    "kafka_exporter": ("kafka_",),
    "rabbitmq": ("rabbitmq_", "erlang_"),
    "nats": ("nats_", "gnatsd_", "jetstream_"),
    "celery": ("celery_", "flower_"),
    "rq_exporter": ("rq_",),
    "blackbox_exporter": ("probe_", "blackbox_exporter_"),
    "ssl_exporter": ("ssl_",),
    "snmp_exporter": ("snmp_", "ifHC", "ifIn", "ifOut", "ifOper", "ifAdmin", "sysUpTime"),
    "nginx": ("nginx_", "nginxexporter_", "nginxplus_"),
    "apache_exporter": ("apache_",),
    "haproxy": ("haproxy_",),
    "traefik": ("traefik_",),
    "caddy": ("caddy_",),
    "envoy and istio": ("envoy_", "istio_", "pilot_", "linkerd_"),
    "kube-state-metrics": ("kube_",),
    "Kubernetes": (
        "apiserver_",
        "kubelet_",
        "kubeproxy_",
        "kubernetes_",
        "rest_client_",
        "workqueue_",
        "scheduler_",
        "storage_operation_",
        "volume_manager_",
        "etcd_",
        "coredns_",
        "cluster_autoscaler_",
        "certmanager_",
        "argocd_",
        "aggregator_",
        "authentication_",
        "csi_",
        "grpc_",
    ),
    "cAdvisor": ("container_", "machine_", "cadvisor_"),
    "Docker": ("engine_daemon_", "swarm_"),
    "Grafana": ("grafana_", "loki_", "promtail_", "tempo_", "cortex_", "mimir_", "agent_"),
    "Thanos": ("thanos_",),
    "VictoriaMetrics": ("vm_", "vmagent_", "vmalert_"),
    "OpenTelemetry collector": ("otelcol_",),
    "statsd_exporter": ("statsd_exporter_",),
    "HashiCorp": ("vault_", "consul_", "nomad_"),
    "MinIO": ("minio_",),
    "web frameworks": (
        "django_",
        "flask_",
        "starlette_",
        "fastapi_",
        "gunicorn_",
        "uwsgi_",
        "http_request_",
        "http_requests_",
        "http_response_",
        "http_server_",
    ),
    "graphics processors": ("DCGM_", "nvidia_"),
    "hardware": ("ipmi_", "smartmon_", "smartctl_"),
    "fail2ban_exporter": ("fail2ban_", "f2b_"),
    "cloud": ("aws_", "azure_", "stackdriver_", "cloudwatch_"),
}

ALL_PREFIXES = tuple(prefix for prefixes in PREFIXES.values() for prefix in prefixes)


def is_known(name: str) -> bool:
    """Whether one of these exporters, or Prometheus itself, may give the metric."""
    return name in OWN or name.startswith(ALL_PREFIXES)
