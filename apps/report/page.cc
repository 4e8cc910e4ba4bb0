#include "apps/report/page.h"

#include <fmt/format.h>

#include "apps/show/svg.h"

namespace strait {
namespace {

// Okabe and Ito's palette, told apart with every common colour blindness, darker on white and
// lighter on black. --s: series; --t: what islands do; --b: what bytes are for.
constexpr std::string_view kPalette = R"(:root{color-scheme:light dark;
--paper:#fff;--card:#fff;--ink:#1b1e23;--faint:#595f69;--grid:#e2e5ea;--edge:#d3d7de;
--s0:#0067a8;--s1:#c14a00;--s2:#00735a;--s3:#8b3f7d;--s4:#7a6200;--s5:#4b5563;
--t0:#3b8fc9;--t1:#f0c87a;--t2:#b3261e;--t3:#c9ced6;
--b0:#0067a8;--b1:#56b4e9;--b2:#b3261e;--b3:#e69f00;--b4:#009e73;--b5:#8a8f98}
@media screen and (prefers-color-scheme:dark){:root{
--paper:#14171b;--card:#1b1f25;--ink:#e8eaed;--faint:#a3abb7;--grid:#2c323b;--edge:#343b45;
--s0:#5db4ee;--s1:#f39a5b;--s2:#3fc79a;--s3:#d59ccd;--s4:#dcc558;--s5:#b4bcc8;
--t0:#4a9bd6;--t1:#9c7a35;--t2:#e5655c;--t3:#4a515c;
--b0:#5db4ee;--b1:#1f6fa3;--b2:#e5655c;--b3:#e6a82e;--b4:#3fc79a;--b5:#7d8592}}
)";

constexpr std::string_view kStyle = R"(*{box-sizing:border-box}
body{margin:0 auto;max-width:1180px;padding:1rem;background:var(--paper);color:var(--ink);
font:15px/1.45 system-ui,"DejaVu Sans",Helvetica,Arial,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.3rem;margin:.2rem 0 .2rem}
h2{font-size:1rem;margin:0 0 .6rem}
h3{font-size:.9rem;margin:1rem 0 .3rem}
p{margin:.3rem 0;color:var(--faint)}
section{background:var(--card);border:1px solid var(--edge);border-radius:8px;padding:.9rem;
margin:0 0 1rem;min-width:0}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,330px),1fr));gap:0 1rem}
.charts>div{max-width:540px}
.strip{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,150px),1fr));gap:.7rem}
.strip div{border-left:3px solid var(--s0);padding-left:.6rem}
.strip b{display:block;font-size:1.25rem;line-height:1.25}
.strip span{color:var(--faint);font-size:.85rem}
svg{display:block;width:100%;height:auto}
.bars{display:grid;grid-template-columns:minmax(3rem,auto) minmax(4rem,1fr) minmax(3.2rem,auto);
gap:.3rem .6rem;align-items:center;font-size:.85rem}
.bars span{max-width:9rem}
.bars span:nth-child(3n){text-align:right;color:var(--faint)}
.bars svg{height:16px}
.bars svg.tall{height:26px}
.axis{display:flex;justify-content:space-between;color:var(--faint);font-size:.8rem}
.key{display:flex;flex-wrap:wrap;gap:.2rem 1rem;margin:0 0 .6rem;font-size:.85rem}
.key svg{display:inline-block;width:12px;height:12px;margin-right:.35rem;vertical-align:-1px}
.scroll{overflow-x:auto;max-width:100%}
table{border-collapse:collapse;font-size:.82rem;font-variant-numeric:tabular-nums;
overflow-wrap:normal}
th,td{padding:.15rem .7rem .15rem 0;text-align:right;vertical-align:top;
border-bottom:1px solid var(--grid)}
th:first-child,td:first-child{text-align:left}
th{color:var(--faint);font-weight:600}
details{margin-top:.6rem}
summary{cursor:pointer;color:var(--s0);font-size:.85rem}
code{font:.85rem/1.5 ui-monospace,"DejaVu Sans Mono",Menlo,monospace}
@media print{:root{color-scheme:light}body{max-width:none;font-size:11px;padding:0}
section{break-inside:avoid}summary{display:none}}
)";

std::string cells(std::string_view tag, const std::vector<std::string>& texts) {
  std::string row;
  for (const std::string& text : texts) {
    row += fmt::format("<{0}>{1}</{0}>", tag, xml_escaped(text));
  }
  return fmt::format("<tr>{}</tr>\n", row);
}

}  // namespace

std::string_view palette_css() { return kPalette; }

std::string series_color(int n) { return fmt::format("var(--s{})", n % kSeriesColors); }

std::string html_table(const std::vector<std::string>& titles,
                       const std::vector<std::vector<std::string>>& rows) {
  std::string body;
  for (const auto& row : rows) body += cells("td", row);
  return fmt::format(
      "<div class=\"scroll\"><table><thead>{}</thead><tbody>\n{}</tbody></table></div>\n",
      cells("th", titles), body);
}

std::string data_table(std::string_view summary, const std::vector<std::string>& titles,
                       const std::vector<std::vector<std::string>>& rows) {
  return fmt::format("<details><summary>{}</summary>\n{}</details>\n", xml_escaped(summary),
                     html_table(titles, rows));
}

std::string panel(std::string_view title, std::string_view content) {
  return fmt::format("<section><h2>{}</h2>\n{}</section>\n", xml_escaped(title), content);
}

std::string note(std::string_view text) { return fmt::format("<p>{}</p>\n", xml_escaped(text)); }

std::string page(std::string_view title, std::string_view body) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'; base-uri 'none'; form-action 'none'\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
      "<title>{}</title>\n<style>\n{}{}</style>\n</head>\n<body>\n{}</body>\n</html>\n",
      xml_escaped(title), kPalette, kStyle, body);
}

}  // namespace strait
