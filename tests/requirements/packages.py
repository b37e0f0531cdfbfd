"""What holds of the packages that are shipped."""

from tests.requirements.requirement import Source

_promise = Source("house")

REQUIREMENTS = [
    _promise.proven(
        "packages:own_command",
        "A command starts a serving process of the same package, with the same meaning of -O, -OO,"
        " -B, -s, -E and -I.",
        "test_a_command_serves_by_the_package_that_it_runs_from",
        "test_a_child_ignores_the_variables_that_the_command_was_told_to_ignore",
        "test_an_isolated_command_serves_by_the_installed_package",
        "test_a_child_writes_no_bytecode_when_the_command_was_told_to_write_none",
        "test_a_child_runs_without_assertions_and_docstrings_as_the_command_does",
    ),
    _promise.proven(
        "packages:others",
        "A program that a bundle starts for its user gets none of the bundle's libraries.",
        "test_another_program_gets_no_libraries_of_the_bundle",
        "test_another_program_of_an_environment_of_python_gets_all_variables",
    ),
    _promise.proven(
        "packages:archives",
        "An archive's bytes follow from the names, bytes and modes of its files alone.",
        "test_the_same_files_give_the_same_archive_whatever_their_place_and_time",
        "test_an_archive_keeps_that_a_program_can_be_run_and_tells_no_owner",
        "test_a_zip_has_the_files_below_one_folder",
    ),
    _promise.proven(
        "packages:npm",
        "The npm package of a platform is installed on that platform alone.",
        "test_the_npm_package_of_a_platform_is_installed_on_that_platform_alone",
    ),
    _promise.proven(
        "packages:remote",
        "The library for object stores is shipped apart from the program, which finds it beside"
        " itself or where SIM_SIDECAR_REMOTE says; its licences are whole, also of crates.",
        "test_the_program_is_made_without_the_extra",
        "test_the_extra_is_an_npm_package_with_the_same_fields_as_the_program",
        "test_the_extra_has_what_the_courier_imports_and_tells_what_is_in_it",
        "test_a_package_with_a_crate_whose_licence_is_not_known_is_refused",
        "test_a_bundle_looks_for_the_extra_beside_itself_and_where_the_environment_says",
        "test_an_environment_of_python_looks_for_the_extra_among_its_packages_only",
        "test_the_typescript_client_tells_the_process_where_the_package_of_the_extra_is",
    ),
    _promise.proven(
        "packages:matrix",
        "One file has the recipe for each platform and says which were not run.",
        "test_the_matrix_says_of_every_platform_whether_its_recipe_was_run",
    ),
    _promise.proven(
        "packages:parts",
        "Every part of a bundle is listed, native libraries too, with its licence whole.",
        "test_every_native_part_has_its_licence_whole",
        "test_a_library_of_no_known_part_is_refused",
        "test_the_bill_of_materials_is_made_of_the_parts_and_of_what_they_list_themselves",
        "test_the_licences_are_written_whole_each_below_its_part",
        "test_a_package_with_a_crate_whose_licence_is_not_known_is_refused",
        "test_the_packages_with_crates_are_those_whose_licences_are_written",
        "test_the_version_of_a_library_is_told_by_its_function",
    ),
    _promise.proven(
        "packages:glibc",
        "The manifest tells the oldest glibc that the files run with.",
        "test_the_glibc_floor_is_the_newest_version_that_a_file_asks_for",
    ),
    _promise.proven(
        "packages:tools",
        "The tools that make packages are pinned, and no packages of the product.",
        "test_the_tools_that_make_a_package_are_no_packages_of_the_product",
    ),
    _promise.proven(
        "packages:smoke",
        "build/smoke.py runs every command of an artefact.",
        "test_the_smoke_test_runs_every_command",
    ),
    _promise.proven(
        "packages:upgrade",
        "An update opens the database of the version before; the version before refuses the"
        " updated one unchanged, and names the copy and the command that goes back to it.",
        "test_an_update_opens_the_database_of_the_version_before_and_the_way_back_is_told",
        "test_the_command_in_the_hint_goes_back_to_the_copy",
    ),
]
