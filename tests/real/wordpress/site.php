<?php
// Makes a WordPress in this folder ready: tables, a user for Crosspoint, links and a time zone that is
// not UTC. Prints the user's application password.
define('WP_INSTALLING', true);
require __DIR__ . '/wp-load.php';
require_once ABSPATH . 'wp-admin/includes/upgrade.php';
wp_install('Real site', 'crosspoint', 'crosspoint@example.com', true, '', 'only-for-tests');
update_option('permalink_structure', '/%postname%/');
update_option('timezone_string', 'America/New_York');
update_option('comment_moderation', 0);
update_option('comment_previously_approved', 0);
update_option('require_name_email', 0);
list($password) = WP_Application_Passwords::create_new_application_password(1, ['name' => 'Crosspoint']);
echo $password;
