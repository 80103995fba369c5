import {
  to = manifesto_metadata.scan
  id = "${var.repository}:1.2#scan-report"
}

resource "manifesto_metadata" "scan" {
  image   = "${var.repository}:1.2"
  type    = "scan-report"
  content = "0 vulnerabilities"
}
