//! The front proxies: what of their shipped examples is put where, and how they are started.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::site::Ports;
use crate::house::{Process, write_private};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Front {
    Nginx,
    /// nginx as oauth2-proxy's users have it, with the block of `docs/external-auth/oauth2-proxy.md`.
    NginxOauth2Proxy,
    Haproxy,
    Caddy,
    Envoy,
    EnvoyGrpc,
    /// Nobody in between: Russet is the proxy itself.
    Nobody,
}

impl Front {
    /// Where its shipped example is.
    pub(super) fn folder(self) -> PathBuf {
        let name = match self {
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
            Self::Caddy => "caddy",
            Self::Envoy => "envoy",
            Self::EnvoyGrpc => "envoy-grpc",
            // Its configuration is as good as any: it need not be asked.
            Self::Nobody | Self::NginxOauth2Proxy => "nginx",
        };
        Path::new("examples/external-auth").join(name)
    }

    /// Starts it with its example, with the ports and files of this test.
    pub(super) fn start(self, folder: &Path, ports: Ports) -> Option<Process> {
        let mut command = match self {
            Self::Nginx => self.nginx(folder, ports),
            Self::NginxOauth2Proxy => self.nginx_of_oauth2_proxy(folder, ports),
            Self::Haproxy => self.haproxy(folder, ports),
            Self::Caddy => self.caddy(folder, ports),
            Self::Envoy | Self::EnvoyGrpc => self.envoy(folder, ports),
            Self::Nobody => return None,
        };
        // Servers are there, where not everybody looks.
        let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin";
        Some(Process::start(command.env("PATH", path), folder, "front"))
    }

    /// Writes a file of the example into `folder`, each text of the pairs replaced.
    fn place(self, folder: &Path, name: &str, pairs: &[(&str, String)]) -> PathBuf {
        let text = fs::read_to_string(self.folder().join(name)).unwrap();
        for (shipped, _) in pairs {
            assert!(text.contains(shipped), "{self:?}: `{shipped}` is not in {name}");
        }
        let path = folder.join(name);
        fs::write(&path, replaced(&text, pairs)).unwrap();
        path
    }

    fn nginx(self, folder: &Path, ports: Ports) -> Command {
        let included = self.place(
            folder,
            "russet.conf",
            &[
                ("listen 443 ssl", format!("listen 127.0.0.1:{} ssl", ports.front)),
                ("127.0.0.1:8080", format!("127.0.0.1:{}", ports.russet)),
                ("127.0.0.1:3000", format!("127.0.0.1:{}", ports.app)),
            ],
        );
        self.nginx_with(folder, &included)
    }

    /// What oauth2-proxy's own page has people write, but for the block of the question and the
    /// location of `/.pomerium/`, which come from our page.
    fn nginx_of_oauth2_proxy(self, folder: &Path, ports: Ports) -> Command {
        let page = fs::read_to_string("docs/external-auth/oauth2-proxy.md").unwrap();
        let (_, block) = page.split_once("```nginx\n").unwrap();
        let (block, _) = block.split_once("```").unwrap();
        assert!(block.contains("location = /oauth2/auth {"), "{block}");
        let block = block.replace("127.0.0.1:4180", &format!("127.0.0.1:{}", ports.russet));
        let (front, russet, app) = (ports.front, ports.russet, ports.app);
        let to_russet = format!(
            "proxy_pass http://127.0.0.1:{russet}; proxy_set_header Host $host; \
             proxy_set_header X-Real-IP $remote_addr; \
             proxy_set_header X-Auth-Request-Redirect $request_uri;"
        );
        let text = format!(
            "server {{ listen 127.0.0.1:{front} ssl; server_name auth.example.com;\n\
             location / {{ {to_russet} }} }}\n\
             server {{ listen 127.0.0.1:{front} ssl; server_name wiki.example.com;\n\
             location /oauth2/ {{ {to_russet} }}\nlocation /.pomerium/ {{ {to_russet} }}\n{block}\n\
             location / {{ auth_request /oauth2/auth; error_page 401 = @oauth2_signin;\n\
             auth_request_set $user $upstream_http_x_auth_request_user;\n\
             auth_request_set $email $upstream_http_x_auth_request_email;\n\
             proxy_set_header X-User $user; proxy_set_header X-Email $email;\n\
             proxy_pass http://127.0.0.1:{app}; }}\n\
             location @oauth2_signin {{ return 302 /oauth2/sign_in?rd=$scheme://$host$request_uri; }} }}\n"
        );
        let included = folder.join("russet.conf");
        fs::write(&included, text).unwrap();
        self.nginx_with(folder, &included)
    }

    fn nginx_with(self, folder: &Path, included: &Path) -> Command {
        let here = folder.display();
        // Nothing of it is kept outside this folder.
        let kept = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {here}/nginx-{kind};"))
            .concat();
        let main = self.place(
            folder,
            "nginx.conf",
            &[
                ("http {", format!("http {{ {kept} access_log off;")),
                ("/etc/nginx/conf.d/russet.conf", included.display().to_string()),
                ("/etc/nginx/tls/example.com.pem", format!("{here}/chain.pem")),
                ("/etc/nginx/tls/example.com.key", format!("{here}/chain.key")),
            ],
        );
        let mut command = Command::new("nginx");
        command.arg("-p").arg(folder).arg("-c").arg(main).args(["-e", "stderr"]);
        // One process: when it ends, all of it has ended.
        let alone = "daemon off; master_process off; error_log stderr";
        command.arg("-g").arg(format!("{alone}; pid {here}/nginx.pid;"));
        command
    }

    fn haproxy(self, folder: &Path, ports: Ports) -> Command {
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        fs::create_dir(folder.join("certs")).unwrap();
        write_private(
            &folder.join("certs/example.com.pem"),
            &[read("chain.pem"), read("chain.key")].concat(),
        );
        let lua = self.place(folder, "russet.lua", &[]);
        let main = self.place(
            folder,
            "haproxy.cfg",
            &[
                ("bind :443", format!("bind 127.0.0.1:{}", ports.front)),
                ("/etc/haproxy/certs/", format!("{}/certs/", folder.display())),
                ("/etc/haproxy/russet.lua", lua.display().to_string()),
                ("127.0.0.1:8080", format!("127.0.0.1:{}", ports.russet)),
                ("127.0.0.1:3000", format!("127.0.0.1:{}", ports.app)),
            ],
        );
        let mut command = Command::new("haproxy");
        command.arg("-db").arg("-f").arg(main);
        command
    }

    fn caddy(self, folder: &Path, ports: Ports) -> Command {
        let main = self.place(
            folder,
            "Caddyfile",
            &[
                ("127.0.0.1:8080", format!("127.0.0.1:{}", ports.russet)),
                ("127.0.0.1:3000", format!("127.0.0.1:{}", ports.app)),
            ],
        );
        // Its certificates come from the authority of the tests instead of Let's Encrypt.
        let options = format!(
            "{{\n admin off\n http_port {}\n https_port {}\n local_certs\n skip_install_trust\n \
             pki {{\n ca local {{\n root {{\n cert {here}/authority.pem\n key {here}/authority.key\n }}\n }}\n }}\n}}\n",
            ports.spare,
            ports.front,
            here = folder.display(),
        );
        fs::write(&main, options + &fs::read_to_string(&main).unwrap()).unwrap();
        let mut command = Command::new("caddy");
        command.args(["run", "--adapter", "caddyfile", "--config"]).arg(main);
        command.env("XDG_DATA_HOME", folder.join("data"));
        command.env("XDG_CONFIG_HOME", folder.join("config"));
        command.env("HOME", folder);
        command
    }

    fn envoy(self, folder: &Path, ports: Ports) -> Command {
        let here = folder.display();
        let socket = |address: &str, port: u16| format!("address: {address}, port_value: {port} ");
        let asked = match self {
            Self::EnvoyGrpc => vec![(8081, ports.grpc)],
            _ => Vec::new(),
        };
        let mut pairs = vec![
            (socket("0.0.0.0", 443), socket("127.0.0.1", ports.front)),
            ("/etc/envoy/tls/certificate.pem".to_owned(), format!("{here}/chain.pem")),
            ("/etc/envoy/tls/key.pem".to_owned(), format!("{here}/chain.key")),
        ];
        let apps = [(8080, ports.russet), (3000, ports.app)];
        for (shipped, port) in apps.into_iter().chain(asked) {
            pairs.push((socket("127.0.0.1", shipped), socket("127.0.0.1", port)));
        }
        let pairs: Vec<(&str, String)> =
            pairs.iter().map(|(shipped, here)| (shipped.as_str(), here.clone())).collect();
        let main = self.place(folder, "envoy.yaml", &pairs);
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/envoy/envoy/_bin");
        let mut command = Command::new(program.join("envoy"));
        command.args(["--disable-hot-restart", "--concurrency", "1", "-l", "warn", "-c"]).arg(main);
        command
    }
}

/// All texts of the pairs at once, so that what was put in is not read again: port 30003 begins like
/// the application's 3000.
fn replaced(text: &str, pairs: &[(&str, String)]) -> String {
    let (mut out, mut rest) = (String::new(), text);
    let first = |rest: &str| {
        let found =
            pairs.iter().filter_map(|(shipped, here)| Some((rest.find(shipped)?, shipped, here)));
        found.min_by_key(|(at, ..)| *at).map(|(at, shipped, here)| (at, shipped.len(), here))
    };
    while let Some((at, length, here)) = first(rest) {
        out.push_str(rest.split_at(at).0);
        out.push_str(here);
        rest = rest.split_at(at + length).1;
    }
    out + rest
}

#[test]
fn a_port_that_begins_like_another_is_put_in_once() {
    let pairs = [(":443", ":30003".to_owned()), (":3000", ":21000".to_owned())];
    assert_eq!(replaced("a :443 b :3000 c", &pairs), "a :30003 b :21000 c");
}
